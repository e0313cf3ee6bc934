// The archive of Debian packages that this machine uses already; plain JavaScript for the same reason as prepare.mjs.
import { spawnSync } from "node:child_process";

/** Its address without a slash at the end, as in a source list. Asks for package lists first on a machine that has none. */
export function debianMirror() {
  const known = listedMirror();
  if (known !== null) return known;
  spawnSync("apt-get", ["update", "-qq"], { stdio: "inherit" });
  const found = listedMirror();
  if (found === null)
    throw new Error("apt-get knows no archive of Debian packages: is this Debian, and can it reach one?");
  return found;
}

function listedMirror() {
  const format = ["--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"];
  const { stdout } = spawnSync("apt-get", ["indextargets", ...format], { encoding: "utf8" });
  return /^Debian (\S+\/debian)\/?$/m.exec(stdout ?? "")?.[1] ?? null;
}
