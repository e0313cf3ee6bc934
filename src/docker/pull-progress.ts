import type { PullProgress } from "../agent/ports.ts";
import { lineSplitter } from "./lines.ts";
import { pullShape } from "./shapes.ts";

const MAX_MESSAGE = 1024 * 1024;

/** Reads the JSON lines of a pull (Docker API, ImageCreate): progress as it comes, and the failure that any of them tells. */
export function pullReader(onProgress: (progress: PullProgress) => void): {
  push(chunk: Buffer): void;
  /** The failure that the stream told of; null: none. */
  end(): string | null;
} {
  const layers = new Map<string, { current: number; total: number }>();
  let failure: string | null = null;
  const splitter = lineSplitter((line) => {
    if (line.trim() === "") return;
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      return; // A line cut off by a broken connection; what matters then is the break itself.
    }
    const message = pullShape.safeParse(json);
    if (!message.success) return;
    failure ??= message.data.error ?? null;
    const { id, status, progressDetail } = message.data;
    if (id === undefined || progressDetail?.current === undefined) return;
    layers.set(id, { current: progressDetail.current, total: progressDetail.total ?? 0 });
    let current = 0;
    let total = 0;
    for (const layer of layers.values()) {
      current += layer.current;
      total += layer.total;
    }
    onProgress({ current, total, status: status ?? "" });
  }, MAX_MESSAGE);
  return {
    push: (chunk) => splitter.push(chunk),
    end() {
      splitter.end();
      return failure;
    },
  };
}
