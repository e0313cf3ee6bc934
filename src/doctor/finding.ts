/** One line of `orun doctor`: what was looked at, how it is, and what to do about it. */
export interface Finding {
  check: string;
  /** `fail`: the agent cannot do its work. `warn`: it can, but something is not as it should be. */
  level: "ok" | "warn" | "fail";
  message: string;
  /** What to do; null when all is well. */
  advice: string | null;
}

export function ok(check: string, message: string): Finding {
  return { check, level: "ok", message, advice: null };
}

export function warn(check: string, message: string, advice: string): Finding {
  return { check, level: "warn", message, advice };
}

export function fail(check: string, message: string, advice: string): Finding {
  return { check, level: "fail", message, advice };
}

/** The words of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
