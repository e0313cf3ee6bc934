/** Which remotes are allowed (SPEC 8, `--repo`): an allow-list, so that no URL can be an option, a helper or a command. */
import { SourceError } from "./errors.ts";

export type Remote =
  | {
      kind: "http";
      /** Without credentials and without a trailing slash. */
      url: string;
      secure: boolean;
      credentials: { user: string; password: string } | null;
    }
  | {
      kind: "ssh";
      /** As Git takes it. */
      url: string;
      /** null: ssh's default. */
      user: string | null;
      host: string;
      port: number | null;
      /** As the far side's git-upload-pack takes it. */
      path: string;
    }
  | { kind: "local"; url: string };

const accepted =
  "Accepted are https://host/path, ssh://user@host/path, user@host:path, and an absolute local path";
const userPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const hostPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$/;
// What hosts allow in repository paths. No quotes, spaces, `%`, `$`: the far side's shell sees this path.
const sshPathPattern = /^[A-Za-z0-9._~/+@,=-]+$/;

/**
 * Parses a remote URL.
 * @throws {SourceError} `refused-url`, without the credentials that the URL may hold.
 */
export function parseRemote(url: string, allowInsecure: boolean): Remote {
  if (url === "") throw refused(url, "it is empty");
  if (url.length > 2048) throw refused(url, "it is longer than 2048 characters");
  if (hasControlCharacter(url) || !url.isWellFormed()) throw refused(url, "it contains a control character");
  if (url.startsWith("-")) throw refused(url, "it starts with '-', as an option does");
  if (url.startsWith("/")) return parseLocal(url);
  if (/\s/.test(url)) throw refused(url, "it contains a space");
  if (/^[A-Za-z0-9+.-]+::/.test(url)) throw refused(url, "remote helpers ('name::') can run commands");
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case "https":
    case "http":
      return parseHttp(url, scheme === "https", allowInsecure);
    case "ssh":
      return parseSsh(url);
    case "file":
      throw refused(url, "for a local repository give its absolute path, without 'file://'");
    case undefined:
      return parseScp(url);
    default:
      throw refused(url, `the protocol '${scheme}' is not allowed`);
  }
}

/** The URL for messages: user info, query and fragment removed, control characters replaced. Never throws. */
export function redactUrl(url: string): string {
  const printable = Array.from(url.slice(0, 300), (c) => (hasControlCharacter(c) ? "\uFFFD" : c)).join("");
  const bare = printable.replace(/[?#].*$/s, "");
  const schemed = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)(.*)$/s.exec(bare);
  if (schemed === null) return bare.replace(/^[^/@]*:[^/]*@/, "").replace(/:\/\/[^/]*@/g, "://");
  const [, scheme = "", rest = ""] = schemed;
  if (scheme.toLowerCase() === "ssh://") return scheme + rest.replace(/^([^/@:]*):[^/]*@/, "$1@");
  return scheme + rest.replace(/^[^/]*@/, "");
}

function parseLocal(url: string): Remote {
  const trimmed = url.replace(/\/+$/, "");
  if (trimmed === "") throw refused(url, "the root folder is no repository");
  return { kind: "local", url: trimmed };
}

function parseHttp(url: string, secure: boolean, allowInsecure: boolean): Remote {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    // The parser's error object holds the whole input, credentials too: its code alone is kept.
    const code = cause instanceof Error ? cause.name : "error";
    throw refused(url, `it is not a valid URL (${code})`);
  }
  if (/[?#]/.test(url)) throw refused(url, "it has a query or a fragment");
  if (/%(?:[01][0-9a-f]|7f)/i.test(url)) throw refused(url, "it contains an encoded control character");
  if (!secure && !allowInsecure && !isLoopback(parsed.hostname)) {
    throw refused(
      url,
      "plain http to another host can be read and changed on the way; use https or ssh, or allow it with --allow-insecure-git",
    );
  }
  const user = decoded(url, parsed.username);
  const password = decoded(url, parsed.password);
  return {
    kind: "http",
    url: `${parsed.protocol}//${parsed.host}${parsed.pathname}`.replace(/\/+$/, ""),
    secure,
    credentials: user === "" && password === "" ? null : { user, password },
  };
}

function parseSsh(url: string): Remote {
  const match = /^ssh:\/\/(?:([^@/]*)@)?(\[[^\]/]*\]|[^:/@[]*)(?::([0-9]{1,5}))?(\/.*)$/i.exec(url);
  if (match === null) throw refused(url, "ssh needs the form ssh://user@host[:port]/path");
  const [, user, host = "", portText, path = ""] = match;
  checkSshParts(url, user ?? null, host, path);
  const port = portText === undefined ? null : Number(portText);
  if (port !== null && (port < 1 || port > 65535)) throw refused(url, "the port is not between 1 and 65535");
  if (path === "/") throw refused(url, "the path is missing");
  const who = user === undefined ? "" : `${user}@`;
  return {
    kind: "ssh",
    url: `ssh://${who}${host}${port === null ? "" : `:${port}`}${path}`,
    user: user ?? null,
    host: host.replace(/^\[|\]$/g, ""),
    port,
    // Git: "/~user/x" means that user's home.
    path: path.startsWith("/~") ? path.slice(1) : path,
  };
}

function parseScp(url: string): Remote {
  const match = /^([^@:/]*)@([^:/@]*):(.+)$/.exec(url);
  if (match === null) throw refused(url, "it has none of the known forms");
  const [, user = "", host = "", path = ""] = match;
  checkSshParts(url, user, host, path);
  return { kind: "ssh", url: `${user}@${host}:${path}`, user, host, port: null, path };
}

function checkSshParts(url: string, user: string | null, host: string, path: string): void {
  if (user?.includes(":")) throw refused(url, "a password in an ssh URL cannot be used; give a deploy key");
  if (user !== null && !userPattern.test(user)) throw refused(url, "the user name has unusual characters");
  if (!hostPattern.test(host)) throw refused(url, "the host name is missing or has unusual characters");
  if (path.startsWith("-")) throw refused(url, "the path starts with '-', as an option does");
  if (!sshPathPattern.test(path)) {
    throw refused(url, "the path may have letters, digits and . _ ~ / + @ , = - only");
  }
}

function decoded(url: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused(url, "its user or password is not valid percent encoding");
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.[0-9]{1,3}){3}$/.test(hostname);
}

function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function refused(url: string, why: string): SourceError {
  return new SourceError(
    "refused-url",
    `the repository URL '${redactUrl(url)}' is refused: ${why}. ${accepted}.`,
  );
}
