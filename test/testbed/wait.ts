/**
 * Waits until a condition holds: asks every 40 ms, answers with the first value that is neither null, undefined nor false.
 * A condition that throws ends the wait. After `timeoutMs` it throws, says what was waited for and what was seen last; that
 * holds too when the condition itself never answers.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 90_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  let last: unknown = "nothing yet";
  const timer = Promise.withResolvers<"late">();
  const alarm = setTimeout(() => timer.resolve("late"), timeoutMs);
  try {
    for (;;) {
      const answer = await Promise.race([ask(condition), timer.promise]);
      if (answer !== "late") {
        if (answer.value !== null && answer.value !== undefined && answer.value !== false)
          return answer.value;
        last = answer.value;
      }
      if (answer === "late" || performance.now() > end)
        throw new Error(`waited ${timeoutMs} ms in vain until ${what}; last seen: ${JSON.stringify(last)}`);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  } finally {
    clearTimeout(alarm);
  }
}

async function ask<T>(condition: () => T | Promise<T>): Promise<{ value: T }> {
  return { value: await condition() };
}
