import type { HeadResult } from "../agent/source-port.ts";
import { fail, type Finding, ok, reasonOf, warn } from "./finding.ts";

/** What the checks of Git need of the adapter. Each call has a deadline of its own. */
export interface GitAccess {
  /** The head of the branch, asked of origin. */
  head(): Promise<HeadResult>;
  /** Whether these credentials may change the repository; null: that cannot be told for this kind of URL. */
  canPush(): Promise<boolean | null>;
}

/** Whether the repository can be read, and only read (FAULTS, attack 32). `url` without credentials. */
export async function checkGit(access: GitAccess, url: string, branch: string): Promise<Finding[]> {
  let head: HeadResult;
  try {
    head = await access.head();
  } catch (error) {
    return [
      fail(
        "git",
        reasonOf(error),
        `Until this works, the node goes on with the last state it knows. Check the URL, the deploy key and known_hosts in the settings.`,
      ),
    ];
  }
  if (head.kind === "branch-missing")
    return [
      fail(
        "git",
        `${url} has no branch '${branch}'`,
        "Push it, or name another one with --branch or branch: in the settings. Until then what runs stays as it is.",
      ),
    ];
  const readable = ok("git", `${url}, branch ${branch} is at ${head.commit.slice(0, 8)}`);
  const canPush = await access.canPush();
  if (canPush === null) return [readable];
  return [
    readable,
    canPush
      ? warn(
          "git write",
          "the agent's credentials can also push: whoever gets into this host can change what every node runs",
          "Make the deploy key (or token) read-only on the Git host. The agent never pushes.",
        )
      : ok("git write", "the agent's credentials can read only"),
  ];
}
