/** Doubles `baseMs` for each failure after the first, up to `maxMs`, and adds up to a tenth of jitter (SPEC 3). */
export function backoff(failures: number, baseMs: number, maxMs: number, random: () => number): number {
  const plain = Math.min(maxMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return Math.round(plain * (1 + 0.1 * random()));
}
