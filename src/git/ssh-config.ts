/** ssh's configuration for the source: the only one that it reads (SPEC 3; FAULTS, attack 9). */
import type { SourceSettings } from "../agent/source-port.ts";
import { SourceError } from "./errors.ts";

/**
 * Text of an ssh_config(5). Host keys are never accepted on first sight, nothing is asked, nothing is forwarded.
 * @throws {SourceError} `refused-url` for a path that cannot be written there safely.
 */
export function sshConfig(settings: SourceSettings, controlSocket: string): string {
  const lines = [
    "Host *",
    "BatchMode yes",
    "StrictHostKeyChecking yes",
    "UpdateHostKeys no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "ForwardAgent no",
    "ForwardX11 no",
    "ClearAllForwardings yes",
    "PermitLocalCommand no",
    "EscapeChar none",
    "RequestTTY no",
    "LogLevel ERROR",
    `ConnectTimeout ${Math.max(1, Math.ceil(settings.timeoutMs / 1000))}`,
    "ServerAliveInterval 15",
    "ServerAliveCountMax 2",
    "SendEnv GIT_PROTOCOL",
    "ControlMaster no",
    `ControlPath ${configPath(controlSocket)}`,
    "ControlPersist no",
  ];
  if (settings.deployKey !== null) {
    lines.push("IdentitiesOnly yes", "IdentityAgent none", `IdentityFile ${configPath(settings.deployKey)}`);
  }
  if (settings.knownHosts !== null) {
    lines.push(`UserKnownHostsFile ${configPath(settings.knownHosts)}`, "GlobalKnownHostsFile /dev/null");
  }
  return `${lines.join("\n")}\n`;
}

/** ssh expands `%` and `${…}` in paths, and knows no escape for a quote. */
function configPath(path: string): string {
  if (!path.startsWith("/") || /["\\$\p{Cc}]/u.test(path)) {
    throw new SourceError(
      "refused-url",
      `the path ${JSON.stringify(path)} cannot be used with ssh: it has to be absolute, without quotes, backslashes, '$' and control characters. Move the file.`,
    );
  }
  return `"${path.replaceAll("%", "%%")}"`;
}
