/** Why something over ssh did not work: what was tried, what the other side answered, what to do next. */

export type SshErrorKind = "unreachable" | "host-key" | "auth" | "sudo" | "timeout" | "ssh-missing" | "lost";

export class SshError extends Error {
  readonly kind: SshErrorKind;

  constructor(kind: SshErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SshError";
    this.kind = kind;
  }
}

const symptoms: readonly [SshErrorKind, RegExp][] = [
  [
    "host-key",
    /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|host key is known for .* strict checking|no matching host key type/i,
  ],
  ["auth", /Permission denied|Too many authentication failures|no mutual signature|UNPROTECTED PRIVATE KEY/i],
  [
    "unreachable",
    /Could not resolve|Name or service not known|Connection refused|timed out|No route to host|Network is unreachable|Connection (?:reset|closed) by|kex_exchange_identification|banner exchange/i,
  ],
];

/** How a connection is named to people: `root@203.0.113.10`, with the port when it is not 22. */
export function describeTarget(target: { user: string; host: string; port: number }): string {
  return `${target.user}@${target.host}${target.port === 22 ? "" : `, port ${String(target.port)}`}`;
}

/** The error for an ssh that ended by itself. `said` is its standard error. */
export function diagnoseSsh(
  target: { user: string; host: string; port: number; keyPath: string | null },
  said: string,
  established: boolean,
): SshError {
  const kind =
    symptoms.find(([, pattern]) => pattern.test(said))?.[0] ?? (established ? "lost" : "unreachable");
  const answer = quoteAnswer(said);
  const tried = established
    ? `the ssh connection to ${describeTarget(target)} broke`
    : `ssh to ${describeTarget(target)} failed`;
  return new SshError(
    kind,
    `${tried}: ${answer === "" ? "no reason was given" : answer}. ${advise(kind, target, said)}`,
  );
}

/** What a host answered, for a message: printable, one line, at most 600 characters, ssh's frames of `@` left out. */
export function quoteAnswer(text: string): string {
  const lines = text
    .split(/[\r\n]+/)
    .map((line) => line.replace(/\p{C}/gu, " ").trim())
    .filter((line) => line !== "" && !/^@+$/.test(line))
    .map((line) => line.replace(/^@\s+(.*?)\s+@$/, "$1").replace(/\.$/, ""));
  const joined = lines.join("; ");
  return joined.length <= 600 ? joined : `${joined.slice(0, 600)}…`;
}

function advise(
  kind: SshErrorKind,
  target: { user: string; host: string; port: number; keyPath: string | null },
  said: string,
): string {
  const name = target.port === 22 ? target.host : `[${target.host}]:${String(target.port)}`;
  switch (kind) {
    case "host-key":
      return /CHANGED/.test(said)
        ? `The host shows another key than the one in your known_hosts. If it was reinstalled, forget the old key with: ssh-keygen -R '${name}'. Otherwise somebody may be in between: ask whoever runs it.`
        : `Its key is not in your known_hosts. Connect once by hand and compare the fingerprint that it shows: ssh -p ${String(target.port)} ${target.user}@${target.host}`;
    case "auth":
      return `Check spec.user and spec.sshKeyPath of the Node${target.keyPath === null ? " (the key file does not exist here, so ssh's own configuration and agent were used)" : ` (tried: ${target.keyPath}, and ssh's own configuration and agent)`}, and that the public key is in ~${target.user}/.ssh/authorized_keys there.`;
    case "unreachable":
      return "Check spec.host and spec.sshPort of the Node, and that the host is up and lets ssh through its firewall.";
    case "lost":
      return "Check the network and run the same command again: it goes on where it was.";
    case "sudo":
    case "timeout":
    case "ssh-missing":
      return "Run the same command again.";
  }
}
