// Sets a fresh machine up before `npm run demo` and `npm test`: dependencies from the lock file, missing Debian packages.
// Plain JavaScript that imports no package, because it runs on whatever Node.js (20 or later) the machine came with.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchCaddy } from "./caddy.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What has to be there, and the Debian package that brings it. */
const programs = [
  ["dockerd", "docker.io"],
  ["iptables", "iptables"],
  ["git", "git"],
  ["busybox", "busybox-static"],
  ["flock", "util-linux"],
  ["xz", "xz-utils"],
  ...(process.argv.includes("--for-tests")
    ? [
        ["docker-registry", "docker-registry"],
        ["openssl", "openssl"],
        ["pebble", "pebble"],
        ["sshd", "openssh-server"],
        ["debootstrap", "debootstrap"],
        ["systemd-analyze", "systemd"],
        ["faketime", "faketime"],
      ]
    : []),
];

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8", ...options });
  if (result.status !== 0) {
    console.error(
      `prepare: '${command} ${args.join(" ")}' failed:\n${result.stdout ?? ""}${result.stderr ?? result.error ?? ""}`,
    );
    process.exit(1);
  }
}

function present(program) {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => existsSync(join(folder, program)));
}

const installed = join(root, "node_modules", ".package-lock.json");
if (
  !existsSync(installed) ||
  statSync(installed).mtimeMs < statSync(join(root, "package-lock.json")).mtimeMs
) {
  console.log("prepare: installing npm packages");
  // Not `npm ci`: it refuses a lock file without download addresses that has packages of other platforms.
  run("npm", ["install", "--no-audit", "--no-fund"]);
}

const missing = [...new Set(programs.filter(([program]) => !present(program)).map(([, name]) => name))];
if (missing.length > 0) {
  const isRoot = process.getuid?.() === 0;
  if (!present("apt-get") || !isRoot) {
    console.error(
      `prepare: this needs ${missing.join(", ")}. As root: apt-get install --no-install-recommends ${missing.join(" ")}`,
    );
    process.exit(1);
  }
  console.log(`prepare: installing Debian packages ${missing.join(", ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update", "-qq"], { env });
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], { env });
}

try {
  fetchCaddy(process.argv.includes("--for-tests") ? ["2.6", "2.11"] : ["2.6"]);
} catch (error) {
  console.error(`prepare: ${error.message}`);
  process.exit(1);
}
