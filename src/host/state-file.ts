import { closeSync, fsyncSync, openSync, readFileSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { emptyMemory, type Memory } from "../state/memory.ts";

/** Only the outline is checked: a file of a newer or older orun that does not fit counts as lost memory, never as an error. */
const outline = z.object({
  version: z.literal(1),
  memory: z.object({
    acceptedCommit: z.string().nullable(),
    deployments: z.record(z.string(), z.looseObject({})),
    images: z.record(z.string(), z.object({ reference: z.string(), at: z.number() })),
    containers: z.record(z.string(), z.string()),
  }),
});

/**
 * Reads `state.json`. What cannot be read is said, and the memory is empty: no workload depends on it (SPEC 3). The agent itself
 * sets a damaged file aside; everybody else only reads.
 */
export function readState(path: string, by: "agent" | "reader"): { memory: Memory; warning: string | null } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const absent = error instanceof Error && "code" in error && error.code === "ENOENT";
    return { memory: emptyMemory(), warning: absent ? null : `${path} cannot be read: ${String(error)}` };
  }
  try {
    const json: unknown = JSON.parse(text);
    // A file of an older version lacks what came later.
    if (isState(json)) return { memory: { ...emptyMemory(), ...json.memory }, warning: null };
  } catch {
    // Not JSON: damaged like any other file that does not fit.
  }
  const goesOn = "the agent goes on without its memory";
  if (by === "reader") return { memory: emptyMemory(), warning: `${path} is damaged; ${goesOn}` };
  try {
    renameSync(path, `${path}.damaged`);
  } catch (error) {
    return { memory: emptyMemory(), warning: `${path} is damaged (${String(error)}); ${goesOn}` };
  }
  return { memory: emptyMemory(), warning: `${path} was damaged and is now ${path}.damaged; ${goesOn}` };
}

function isState(json: unknown): json is { version: 1; memory: Memory } {
  return outline.safeParse(json).success;
}

const RETRY_MS = 1000;
const RETRY_MAX_MS = 30_000;

/**
 * Writes `state.json` atomically and durably (0600: it holds env values), one write at a time, the newest memory last. A write
 * that fails, as on a full disk, is tried again until it works, and said once for each cause; the file before it stays whole.
 */
export function createStateWriter(
  path: string,
  onError: (message: string) => void,
): { save(memory: Memory): void; flush(): Promise<void> } {
  let pending: Memory | null = null;
  let writing: Promise<void> | null = null;
  let ending = false;
  let hurry: (() => void) | null = null;
  const said = new Set<string>();
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const write = async (): Promise<void> => {
    let failures = 0;
    while (pending !== null) {
      const memory: Memory = pending;
      pending = null;
      try {
        await writeFileAtomic(path, JSON.stringify({ version: 1, memory }), { mode: 0o600 });
        const folder = openSync(dirname(path), "r");
        fsyncSync(folder);
        closeSync(folder);
        failures = 0;
        said.clear();
      } catch (error) {
        const cause = causeOf(error);
        if (!said.has(cause)) onError(`${path} could not be written: ${cause}; it is tried again`);
        said.add(cause);
        if (ending) break;
        pending ??= memory;
        await pause(Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(10, failures++)));
      }
    }
    writing = null;
  };
  return {
    save(memory) {
      pending = memory;
      writing ??= write();
    },
    // At the end once more, and no longer.
    async flush() {
      ending = true;
      hurry?.();
      await writing;
    },
  };
}

/** The same for the same cause: temporary names in a message are not. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
