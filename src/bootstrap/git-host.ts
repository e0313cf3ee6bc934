/** The Git host of a repository: how it is reached, its published keys, and the page where a deploy key is added. */
import { parseRemote } from "../git/url.ts";

export type GitHost =
  | { kind: "ssh"; url: string; host: string; port: number; path: string }
  | { kind: "http"; url: string; host: string; port: number }
  /** A mirror on the node itself. */
  | { kind: "local"; url: string };

/**
 * How a repository is reached.
 * @throws {SourceError} for a URL that orun does not accept.
 */
export function gitHostOf(url: string): GitHost {
  const remote = parseRemote(url, false);
  switch (remote.kind) {
    case "ssh":
      return { kind: "ssh", url, host: remote.host, port: remote.port ?? 22, path: remote.path };
    case "http": {
      const { hostname, port } = new URL(remote.url);
      const usual = remote.secure ? 443 : 80;
      return { kind: "http", url: remote.url, host: hostname, port: port === "" ? usual : Number(port) };
    }
    case "local":
      return { kind: "local", url };
  }
}

/** A host in known_hosts: with its port when that is not 22. */
export function knownHostsName(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${String(port)}`;
}

/**
 * SHA256 fingerprints as the hosts publish them: docs.github.com "GitHub's SSH key fingerprints", docs.gitlab.com
 * "GitLab.com settings", Bitbucket Cloud "Configure SSH and two-step verification", docs.codeberg.org "SSH fingerprint".
 */
const published: Readonly<Record<string, readonly string[]>> = {
  "github.com": [
    "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
    "p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
    "uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s",
  ],
  "gitlab.com": [
    "eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
    "HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw",
    "ROQFvPThGrW4RuWLoL9tq9I9zJ42fK4XywyRtbOz/EQ",
  ],
  "bitbucket.org": [
    "ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM",
    "FC73VB6C4OQLSCrjEayhMp9UMxS97caD/Yyi2bhW/J0",
    "46OSHA1Rmj8E8ERTC6xkNcmGOw9oFxYr0WF6zWW8l1E",
  ],
  "codeberg.org": [
    "mIlxA9k46MmM6qdJOdMnAQpzGxF4WIVVL+fj+wZbw0g",
    "T9FYDEHELhVkulEKKwge5aVhVTbqCW0MIRwAfpARs/E",
    "6QQmYi4ppFS4/+zSZ5S4IU+4sa6rwvQ4PbhCtPEBekQ",
  ],
};

/** Fingerprints that a host publishes, without their `SHA256:`; null: none are shipped for it. */
export function publishedFingerprints(host: string): readonly string[] | null {
  return published[host.toLowerCase()] ?? null;
}

/** Where a deploy key is added, in words for people. */
export function deployKeyPage(git: GitHost & { kind: "ssh" }): string {
  const path = git.path.replace(/^\/+/, "").replace(/\.git$/, "");
  const host = git.host.replace(/^ssh\./, "");
  const readOnly = "read access is enough: leave writing off";
  if (host === "github.com") return `https://github.com/${path}/settings/keys/new (${readOnly})`;
  if (host === "gitlab.com" || host.startsWith("gitlab.")) {
    return `https://${host}/${path}/-/settings/repository, under "Deploy keys" (${readOnly})`;
  }
  if (host === "bitbucket.org") return `https://bitbucket.org/${path}/admin/access-keys/`;
  if (host === "codeberg.org" || /^(?:git|gitea|forgejo|code)\./.test(host)) {
    return `https://${host}/${path}/settings/keys (Gitea, Forgejo; ${readOnly})`;
  }
  return `the repository's settings on ${host}, under "Deploy keys" (Gitea, Forgejo: /settings/keys; GitLab: /-/settings/repository), or, on a plain server, ~/.ssh/authorized_keys of the Git user; ${readOnly}`;
}
