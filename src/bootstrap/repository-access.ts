/** Whether the node can read the repository: asked on the node, with the key and the pinned host key that its agent uses. */
import type { GitHost } from "./git-host.ts";
import { instancePaths } from "./layout.ts";
import { quoteAnswer } from "./ssh-error.ts";

export type Access =
  | { state: "ok" }
  /** Only somebody at the Git host can change that: it is waited for. */
  | { state: "waiting"; message: string }
  /** Waiting does not help. */
  | { state: "failed"; message: string };

/** Lists the branch there; nothing is kept. */
export function accessCommand(git: GitHost, environment: string, branch: string): string[] {
  const { deployKey, knownHosts } = instancePaths(environment);
  const ssh = [
    "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15 -o LogLevel=ERROR",
    `-o IdentitiesOnly=yes -o IdentityAgent=none -i ${deployKey}`,
    `-o UserKnownHostsFile=${knownHosts} -o GlobalKnownHostsFile=/dev/null`,
  ];
  return [
    "env",
    "LC_ALL=C",
    "GIT_TERMINAL_PROMPT=0",
    ...(git.kind === "ssh" ? [`GIT_SSH_COMMAND=${ssh.join(" ")}`] : []),
    "timeout",
    "40",
    "git",
    "ls-remote",
    "--exit-code",
    "--",
    git.url,
    `refs/heads/${branch}`,
  ];
}

/** Reads the outcome of {@link accessCommand}. */
export function judgeAccess(
  git: GitHost,
  environment: string,
  branch: string,
  outcome: { code: number; stderr: string },
): Access {
  const { knownHosts } = instancePaths(environment);
  const said = quoteAnswer(outcome.stderr);
  if (outcome.code === 0) return { state: "ok" };
  if (outcome.code === 2 && said === "") {
    return {
      state: "waiting",
      message: `the repository can be read, and has no branch '${branch}' yet: push it`,
    };
  }
  if (outcome.code === 124) {
    return { state: "waiting", message: "the Git host did not answer within 40 s; it is asked again" };
  }
  if (/Host key verification failed|IDENTIFICATION HAS CHANGED|host key is known/i.test(said)) {
    return {
      state: "failed",
      message: `The Git host shows the node another key than the one pinned in ${knownHosts} on the node: ${said}. If the host changed its key on purpose, remove that file there and run the same command again; otherwise somebody may be in between.`,
    };
  }
  if (
    /Permission denied|Repository not found|does not exist|could not be found|access denied|not allowed|Authentication failed|could not read Username/i.test(
      said,
    )
  ) {
    return {
      state: "waiting",
      message:
        git.kind === "ssh"
          ? `the key is not accepted yet (${said})`
          : `the repository cannot be read without a login (${said}): use its ssh URL, for which a deploy key is made`,
    };
  }
  if (/resolve|refused|timed out|unreachable|No route|closed by|reset by/i.test(said)) {
    return { state: "waiting", message: `the node does not reach the Git host (${said})` };
  }
  return {
    state: "failed",
    message: `The node cannot read ${git.url}: ${said === "" ? `git ended with ${String(outcome.code)}` : said}. Check spec.gitRepo of the Node.`,
  };
}
