/** One signal for "the caller gave up" and "it took too long", with a reason that tells them apart. */
import { SourceError } from "./errors.ts";

/**
 * Runs `work` with a signal that aborts when `signal` does or after `timeoutMs`; its reason is a {@link SourceError} of
 * kind `aborted` or `timeout`. Whatever `work` throws after that is replaced by the reason. Leaves no timer or listener.
 * @param doing completes "… took longer than" and "… was cancelled".
 */
export async function withDeadline<T>(
  doing: string,
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const cancel = (): void => {
    controller.abort(new SourceError("aborted", `${doing} was cancelled`, { cause: signal.reason }));
  };
  const expire = (): void => {
    controller.abort(
      new SourceError(
        "timeout",
        `${doing} took longer than ${timeoutMs} ms and was ended. The other side may hang; it is tried again later.`,
      ),
    );
  };
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  const timer = setTimeout(expire, timeoutMs);
  try {
    controller.signal.throwIfAborted();
    return await work(controller.signal);
  } catch (error) {
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", cancel);
  }
}
