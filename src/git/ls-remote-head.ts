/** Asking for the branch head with `git ls-remote`: what works wherever Git works, at the price of a subprocess or two. */
import type { HeadResult } from "../agent/source-port.ts";
import { failure } from "./diagnose.ts";
import { type GitContext, git } from "./git-command.ts";
import { isObjectId } from "./ls-refs.ts";

/** @throws {SourceError} by what went wrong. */
export async function lsRemoteHead(context: GitContext, signal: AbortSignal): Promise<HeadResult> {
  const { branch } = context.settings;
  const ref = `refs/heads/${branch}`;
  const doing = `asking ${context.remote.url} for branch ${branch}`;
  const output = await git(context, null, doing, ["ls-remote", "--quiet", "--", context.remote.url, ref], {
    signal,
    network: true,
  });
  // A pattern matches the end of any ref name: only this very one counts.
  for (const line of output.toString("utf8").split("\n")) {
    const [id = "", name] = line.split("\t");
    if (name !== ref) continue;
    if (!isObjectId(id)) throw failure("protocol", `${doing} failed: '${id.slice(0, 80)}' is no object id`);
    return { kind: "head", commit: id };
  }
  return { kind: "branch-missing" };
}
