/** Notes what tests broke and how it was mended, for the table in docs/faults.md (`npm run faults`). */
import { appendFileSync } from "node:fs";
import { z } from "zod";

export const faultNote = z.object({
  area: z.string(),
  fault: z.string(),
  /** How often it was brought about. */
  injected: z.number(),
  /** ms from the moment at which the fault was there, or over, until all was as it should be; the slowest of several. */
  healedMs: z.number().nullable(),
  /** Broken invariants, and ends other than the expected one. */
  violations: z.number(),
});
export type FaultNote = z.output<typeof faultNote>;

/** Writes one line to the file that ORUN_FAULTS_REPORT names; without it nothing is noted. */
export function noteFault(note: FaultNote): void {
  const file = process.env["ORUN_FAULTS_REPORT"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(note)}\n`);
}

/** Takes the time of a mending that a test waits for. Whether it comes in time is the test's matter, not this one's. */
export async function mended<T>(area: string, fault: string, wait: () => Promise<T>): Promise<T> {
  const from = performance.now();
  const result = await wait();
  noteFault({ area, fault, injected: 1, healedMs: performance.now() - from, violations: 0 });
  return result;
}
