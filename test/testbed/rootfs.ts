/** File systems of fresh Debian hosts, built once by debootstrap and kept as archives. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, startAptCache } from "./apt-cache.ts";
import { debianMirror } from "../../tools/debian-mirror.mjs";

export type Suite = "bookworm" | "trixie";

/** Nothing but what a rented server has before anybody has logged in: no git, no ssh client, no engine, no curl. */
const include = "systemd,systemd-sysv,openssh-server,ca-certificates,iproute2,dbus";
const masked = [
  "systemd-logind.service",
  "systemd-udevd.service",
  "systemd-udevd-kernel.socket",
  "systemd-udevd-control.socket",
  "getty.target",
  "console-getty.service",
  "apt-daily.timer",
  "apt-daily-upgrade.timer",
  // The engine that runs the host has given it its addresses.
  "systemd-networkd.service",
];

/** Path of the archive for a suite. The first caller on a machine builds it (about 40 s); others wait for it. */
export async function rootfsArchive(suite: Suite): Promise<string> {
  const key = createHash("sha256")
    .update(readFileSync(import.meta.filename))
    .digest("hex")
    .slice(0, 12);
  const archive = join(cacheFolder, `rootfs-${suite}-${key}.tar`);
  if (existsSync(archive)) return archive;
  mkdirSync(cacheFolder, { recursive: true });
  // The lock belongs to the process that builds: whoever is killed gives it back.
  const build = `[ -e "$1" ] || exec "$2" --input-type=module -e 'await (await import(process.argv[1])).buildRootfs(process.argv[2], process.argv[3])' "$3" "$4" "$1"`;
  const args = [archive, process.execPath, import.meta.filename, suite];
  await run("flock", [join(cacheFolder, `${suite}.lock`), "sh", "-c", build, "sh", ...args]);
  return archive;
}

/** Builds it. Called in a process of its own, under the lock. */
export async function buildRootfs(suite: string, archive: string): Promise<void> {
  const folder = mkdtempSync(join(cacheFolder, "build-"));
  const proxy = await startAptCache("127.0.0.1");
  try {
    const mirror = debianMirror();
    await run("debootstrap", ["--variant=minbase", `--include=${include}`, suite, folder, mirror], {
      http_proxy: proxy.url,
    });
    for (const unit of masked)
      await run("ln", ["-sf", "/dev/null", join(folder, "etc/systemd/system", unit)]);
    writeFileSync(join(folder, "etc/apt/sources.list"), `deb ${mirror} ${suite} main\n`);
    writeFileSync(join(folder, "etc/apt/apt.conf.d/99testbed"), 'Acquire::Check-Valid-Until "false";\n');
    writeFileSync(join(folder, "etc/machine-id"), "");
    // Every host of the test bed gets a key of its own.
    await run("sh", ["-c", 'rm -f "$1"/etc/ssh/ssh_host_* "$1"/var/cache/apt/archives/*.deb', "sh", folder]);
    await run("tar", ["-C", folder, "-cf", `${archive}.part`, "."]);
    renameSync(`${archive}.part`, archive);
  } finally {
    await proxy.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  const child = spawn(command, args, {
    env: { ...process.env, ...env, PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString("utf8")).slice(-3000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(new Error(`'${command}' could not be started`, { cause })));
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`'${command} ${args.join(" ")}' ended with ${String(code)}:\n${output}`));
    });
  });
}
