const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/**
 * Parses a size to whole bytes; null when it is none. Every unit is binary, as Docker and Compose have it, and letters' case
 * does not matter: `512m`, `512M`, `512Mi`, `512MB` and `512MiB` are all 512 MiB. A bare number is bytes.
 */
export function parseSize(text: string): number | null {
  const match = /^(\d{1,16}(?:\.\d{1,6})?) ?(?:([kmgt])(?:i?b?)|(b))?$/i.exec(text);
  if (match === null) return null;
  const unit = SIZE_UNITS[(match[2] ?? match[3] ?? "").toLowerCase()] ?? 1;
  const bytes = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Writes bytes the way Docker's `max-size` wants them: the largest of `k`, `m`, `g` that divides them, such as `10m`. */
export function formatDockerSize(bytes: number): string {
  for (const unit of ["g", "m", "k"]) {
    const size = SIZE_UNITS[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${String(bytes / size)}${unit}`;
  }
  return String(bytes);
}

/** Parses a number of CPUs: `0.5`, or `500m` for thousandths as in Kubernetes; null when it is none, 0, or above 1024. */
export function parseCpus(text: string): number | null {
  const match = /^(\d{1,7}(?:\.\d{1,9})?)(m?)$/.exec(text);
  if (match === null) return null;
  const cpus = match[2] === "m" ? Number(match[1]) / 1000 : Number(match[1]);
  return cpus > 0 && cpus <= 1024 ? cpus : null;
}
