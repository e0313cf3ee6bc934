/** Waits until a condition holds; a deadline missed is an error that says for what, and what was seen last. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    const value = await condition();
    if (value !== null && value !== undefined && value !== false) return value;
    last = value;
    if (performance.now() > end)
      throw new Error(
        `waited ${String(timeoutMs)} ms in vain until ${what}; last seen: ${JSON.stringify(last)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
