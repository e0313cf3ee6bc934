/** Whether the agent's credentials could change the repository, which they should not (FAULTS, attack 32). */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SourceSettings } from "../agent/source-port.ts";
import { git, type GitContext, gitOutcome } from "./git-command.ts";
import { makeSupportFolder } from "./support-folder.ts";
import { findTether } from "./tether.ts";
import { parseRemote } from "./url.ts";

const identity = ["-c", "user.name=orun", "-c", "user.email=orun@localhost"];

/**
 * Asks by a push that is only rehearsed (`--dry-run`), of an empty commit to a branch that does not exist: the server says whether
 * it would take part, and nothing is sent. To be asked only when reading works: any refusal counts as "may not push".
 * Null for a local path, where the file system decides. `settings.cloneDir` is not touched.
 * @throws {SourceError} for settings that are refused, or when the rehearsal cannot be prepared.
 */
export async function canPush(settings: SourceSettings, signal: AbortSignal): Promise<boolean | null> {
  const remote = parseRemote(settings.url, settings.allowInsecure);
  if (remote.kind === "local") return null;
  const folder = await mkdtemp(join(tmpdir(), "orun-push-"));
  const onSpawn = (): void => undefined;
  try {
    const cloneDir = join(folder, "r");
    const own = { ...settings, cloneDir };
    const context: GitContext = {
      settings: own,
      remote,
      support: await makeSupportFolder(own, remote),
      tether: await findTether(onSpawn, signal),
      onSpawn,
    };
    await git(context, null, "preparing a rehearsed push", ["init", "--quiet", "--bare", "--", cloneDir], {
      signal,
    });
    const write = async (args: string[]): Promise<string> => {
      const input = Buffer.alloc(0);
      const said = await git(context, cloneDir, "preparing a rehearsed push", args, { signal, input });
      return said.toString("utf8").trim();
    };
    const tree = await write(["hash-object", "-t", "tree", "-w", "--stdin"]);
    const commit = await write([...identity, "commit-tree", "-m", "rehearsal", tree]);
    const target = `${commit}:refs/heads/orun-doctor-${randomBytes(8).toString("hex")}`;
    const push = ["push", "--dry-run", "--quiet", "--no-verify", "--", remote.url, target];
    const { code } = await gitOutcome(context, cloneDir, push, { signal, network: true });
    return code === 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
