/** Where and with what was measured, in general terms. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

/** One paragraph of Markdown: machine, versions, date, and how busy the machine was before. */
export function describeMachine(now: Date): string {
  const memory = Math.round(totalmem() / 1024 ** 3);
  const system = /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  const [load = 0] = loadavg();
  const parts = [
    `${String(cpus().length)} ${process.arch} cores, ${String(memory)} GiB of memory, ${system}, Linux ${release().split("-")[0] ?? ""}`,
    `Docker ${versionOf("dockerd", ["--version"])}`,
    `Git ${versionOf("git", ["--version"])}`,
    `Node.js ${process.versions.node}`,
    `orun at commit ${commit()}`,
  ];
  return `Measured on ${now.toISOString().slice(0, 10)}: ${parts.join("; ")}. Load of the machine before: ${load.toFixed(1)}.`;
}

function versionOf(command: string, args: string[]): string {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  const text = execFileSync(command, args, { encoding: "utf8", env: { ...process.env, PATH: path } });
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? "(unknown)";
}

function commit(): string {
  return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
}
