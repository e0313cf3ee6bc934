/** What shells report for a program that ended by SIGINT. */
const INTERRUPTED = 130;

/**
 * Runs work that has to clean up after itself when it is interrupted (SIGINT, SIGTERM, or SIGHUP of a terminal that closes):
 * the signal aborts then, and the exit code is 130. Else the work's own.
 */
export async function untilInterrupted(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, abort);
  try {
    const code = await work(stop.signal);
    return stop.signal.aborted ? INTERRUPTED : code;
  } catch (error) {
    if (stop.signal.aborted) return INTERRUPTED;
    throw error;
  } finally {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(name, abort);
  }
}
