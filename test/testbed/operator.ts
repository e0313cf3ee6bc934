/** An operator's machine: an `ssh` with its own configuration, key and known_hosts, apart from those of whoever runs the tests. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Operator {
  /** A folder: first in PATH, it makes `ssh` read `config`. */
  path: string;
  config: string;
  key: string;
  knownHosts: string;
  /** What was run by ssh so far: the last argument of every call. */
  commands(): string[];
}

/** Makes one in a folder. */
export function useOperatorSsh(folder: string): Operator {
  const log = join(folder, "commands");
  const operator = {
    path: join(folder, "bin"),
    config: join(folder, "ssh_config"),
    key: join(folder, "id_ed25519"),
    knownHosts: join(folder, "known_hosts"),
    commands: () => readFileSync(log, "utf8").split("\0").slice(0, -1),
  };
  makeSshKey(operator.key);
  writeFileSync(operator.knownHosts, "");
  const config = [
    "Host *",
    `  UserKnownHostsFile ${operator.knownHosts}`,
    "  GlobalKnownHostsFile /dev/null",
    "  IdentityAgent none",
    // Not the keys of whoever runs the tests.
    `  IdentityFile ${operator.key}`,
    "",
  ];
  writeFileSync(operator.config, config.join("\n"));
  mkdirSync(operator.path);
  const ssh = execFileSync("sh", ["-c", "command -v ssh"], { encoding: "utf8" }).trim();
  writeFileSync(log, "");
  const script = `#!/bin/sh
for last; do :; done
printf '%s\\0' "$last" >> ${log}
exec ${ssh} -F ${operator.config} "$@"
`;
  writeFileSync(join(operator.path, "ssh"), script, { mode: 0o755 });
  return operator;
}

/** An ed25519 pair without a passphrase: `path` and `path.pub`. */
export function makeSshKey(path: string): void {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", path]);
}
