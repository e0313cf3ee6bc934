// Fetches the two versions of Caddy that the demo and the tests run: the distribution's own, and Debian sid's, which is the
// one that users get. They are taken apart into a cache folder: a package that is installed would start its service.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { debianMirror } from "./debian-mirror.mjs";

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "orun-testbed");

/** Where the program of a version is once it has been fetched: "2.6" is the distribution's, "2.11" Debian sid's. */
export function caddyProgram(version) {
  return join(cache, `caddy-${version}`, "usr", "bin", "caddy");
}

/** Fetches what is not there yet; throws with apt's own words. */
export function fetchCaddy(versions) {
  for (const version of versions) {
    if (existsSync(caddyProgram(version))) continue;
    console.log(`prepare: fetching Caddy ${version}`);
    mkdirSync(cache, { recursive: true });
    const work = mkdtempSync(join(cache, "fetch-"));
    try {
      const options = version === "2.6" ? [] : sidOptions(work);
      apt([...options, "update", "-qq"], work);
      apt([...options, "download", "-qq", "caddy"], work);
      const archive = readdirSync(work).find((name) => name.endsWith(".deb"));
      if (archive === undefined) throw new Error("'apt-get download caddy' brought no package");
      run("dpkg-deb", ["-x", archive, "tree"], work);
      // Another clone on this machine may have been faster.
      if (!existsSync(caddyProgram(version))) renameSync(join(work, "tree"), join(cache, `caddy-${version}`));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
}

/** Debian sid beside the machine's own sources, without touching them. */
function sidOptions(work) {
  for (const folder of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(work, folder), { recursive: true });
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  writeFileSync(join(work, "sources.list"), `deb [signed-by=${keyring}] ${debianMirror()} sid main\n`);
  const option = (name, value) => ["-o", `${name}=${value}`];
  return [
    ...option("Dir::Etc::SourceList", join(work, "sources.list")),
    ...option("Dir::Etc::SourceParts", "/dev/null"),
    ...option("Dir::State::Lists", join(work, "lists")),
    ...option("Dir::Cache", join(work, "cache")),
  ];
}

function apt(args, cwd) {
  // Downloads as root: apt's own user may not write into this folder.
  run("apt-get", ["-o", "APT::Sandbox::User=root", ...args], cwd);
}

function run(command, args, cwd) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const result = spawnSync(command, args, { cwd, encoding: "utf8", env });
  if (result.status !== 0) {
    const said = `${result.stdout ?? ""}${result.stderr ?? ""}`;
    throw new Error(`'${command} ${args.join(" ")}' failed: ${said || String(result.error)}`);
  }
}
