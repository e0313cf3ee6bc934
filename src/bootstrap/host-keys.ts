/** Finding the Git host's key, which the node is to trust from then on. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { knownHostsName } from "./git-host.ts";

export interface HostKey {
  type: string;
  /** base64 */
  key: string;
  /** Without `SHA256:`. */
  fingerprint: string;
}

/** Keys in lines of known_hosts or from ssh-keyscan. Revoked ones and certificate authorities are left out. */
export function parseHostKeys(text: string): HostKey[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", type = "", key = ""] = line.trim().split(/\s+/);
    if (name === "" || name.startsWith("#") || name.startsWith("@")) return [];
    if (!/^(?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]+$/.test(type) || !/^[A-Za-z0-9+/]+=*$/.test(key)) return [];
    const digest = createHash("sha256").update(Buffer.from(key, "base64")).digest("base64");
    return [{ type, key, fingerprint: digest.replace(/=+$/, "") }];
  });
}

/** Lines of known_hosts that pin these keys to the host. */
export function renderKnownHosts(host: string, port: number, keys: readonly HostKey[]): string {
  return keys.map(({ type, key }) => `${knownHostsName(host, port)} ${type} ${key}\n`).join("");
}

/** What the operator's own known_hosts say about a host; empty: nothing. Hashed names are found too. */
export function operatorsHostKeys(host: string, port: number): HostKey[] {
  const name = knownHostsName(host, port);
  return knownHostsFiles(host, port).flatMap((file) => {
    const found = spawnSync("ssh-keygen", ["-F", name, "-f", file], { encoding: "utf8" });
    return found.status === 0 ? parseHostKeys(found.stdout) : [];
  });
}

function knownHostsFiles(host: string, port: number): string[] {
  const shown = spawnSync("ssh", ["-G", "-p", String(port), "--", host], { encoding: "utf8" });
  return ["userknownhostsfile", "globalknownhostsfile"].flatMap((option) => {
    const value = new RegExp(`^${option} (.*)$`, "m").exec(shown.stdout)?.[1] ?? "";
    return value
      .split(" ")
      .filter((file) => file !== "" && file !== "none" && file !== "/dev/null")
      .map((file) => (file.startsWith("~/") ? join(homedir(), file.slice(2)) : file));
  });
}
