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

/** Reads `state.json`; what cannot be read is set aside and said, and the memory is empty: no workload depends on it (SPEC 3). */
export function readState(path: string): { memory: Memory; warning: string | null } {
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
    // Not JSON: set aside below like any other file that does not fit.
  }
  renameSync(path, `${path}.damaged`);
  return {
    memory: emptyMemory(),
    warning: `${path} was damaged and is now ${path}.damaged; the agent goes on without its memory`,
  };
}

function isState(json: unknown): json is { version: 1; memory: Memory } {
  return outline.safeParse(json).success;
}

/** Writes `state.json` atomically and durably (0600: it holds env values), one write at a time, the newest memory last. */
export function createStateWriter(
  path: string,
  onError: (message: string) => void,
): { save(memory: Memory): void; flush(): Promise<void> } {
  let pending: Memory | null = null;
  let writing: Promise<void> | null = null;
  const write = async (): Promise<void> => {
    while (pending !== null) {
      const memory = pending;
      pending = null;
      try {
        await writeFileAtomic(path, JSON.stringify({ version: 1, memory }), { mode: 0o600 });
        const folder = openSync(dirname(path), "r");
        fsyncSync(folder);
        closeSync(folder);
      } catch (error) {
        onError(`${path} could not be written: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    writing = null;
  };
  return {
    save(memory) {
      pending = memory;
      writing ??= write();
    },
    async flush() {
      await writing;
    },
  };
}
