import { execFile } from "node:child_process";
import { arch, platform } from "node:process";
import { promisify } from "node:util";
import packageJson from "../../package.json" with { type: "json" };

/** Put in place of the name when the executable is made (tools/package/bundle.ts). */
declare const ORUN_BUILD: { version: string; commit: string; date: string } | undefined;
const packaged = typeof ORUN_BUILD === "undefined" ? null : ORUN_BUILD;

/** The version of orun, as package.json has it. */
export const VERSION: string = packaged?.version ?? packageJson.version;

/** No clock that is right says less, ms since the epoch: when this executable's commit was made. */
export const MADE_AT: number = Date.parse(packaged?.date ?? "2026-01-01T00:00:00Z");

/** What `orun version` prints: version, commit, when it was built, and what it runs on. */
export async function describeVersion(): Promise<string> {
  const { commit, date } = packaged ?? (await checkedOut());
  const runtime = `Node.js ${process.version.slice(1)}, ${platform} ${arch}`;
  return `orun ${VERSION}\ncommit:  ${commit}\nbuilt:   ${date}\nruntime: ${runtime}\n`;
}

/** From source: Git's own word on the checkout, or "source" without one. */
async function checkedOut(): Promise<{ commit: string; date: string }> {
  const date = "not packaged: runs from source";
  try {
    const { stdout } = await promisify(execFile)("git", ["-C", import.meta.dirname, "rev-parse", "HEAD"]);
    return { commit: stdout.trim(), date };
  } catch {
    return { commit: "source", date };
  }
}
