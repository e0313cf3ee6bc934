/** The confirmation of a removal in a commit message: the trailer `Orun-Prune: confirm` (SPEC 3). */
import { type GitContext, git } from "./git-command.ts";
import { isPresent } from "./read-revision.ts";

/**
 * Whether a commit that `to` reaches and `from` does not carries the trailer in its trailer block, as
 * git-interpret-trailers(1) sees it: prose that mentions it does not count. Without `from`, or when the clone no longer has
 * it, `to` alone is looked at.
 */
export async function confirmsPrune(
  context: GitContext,
  cloneDir: string,
  from: string | null,
  to: string,
  signal: AbortSignal,
): Promise<boolean> {
  const known = from !== null && (await isPresent(context, cloneDir, from, signal));
  const format = "--format=%(trailers:key=Orun-Prune,valueonly=true,unfold=true)";
  const filter = ["--regexp-ignore-case", "--fixed-strings", "--grep=Orun-Prune"];
  const range = known ? [`${from}..${to}`] : ["--no-walk", to];
  const output = await git(
    context,
    cloneDir,
    `reading the trailers of ${to} in ${cloneDir}`,
    ["log", "--no-show-signature", "--no-color", format, ...filter, ...range, "--"],
    { signal },
  );
  return output
    .toString("utf8")
    .split("\n")
    .some((value) => value.trim() === "confirm");
}
