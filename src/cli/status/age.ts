const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago a moment was, in one unit: 45s, 3m, 5h, 12d. `-` when it is unknown; 0s when a clock says it is to come. */
export function age(since: string | null, now: number): string {
  const at = since === null ? Number.NaN : Date.parse(since);
  if (Number.isNaN(at)) return "-";
  return span((now - at) / 1000);
}

/** A length of time in seconds, in one unit. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 2 * MINUTE) return `${String(whole)}s`;
  if (whole < 2 * HOUR) return `${String(Math.floor(whole / MINUTE))}m`;
  if (whole < 2 * DAY) return `${String(Math.floor(whole / HOUR))}h`;
  return `${String(Math.floor(whole / DAY))}d`;
}
