const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  kb: 1024,
  ki: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  mi: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
  gi: 1024 ** 3,
  gib: 1024 ** 3,
};

/** Parses a size to bytes; every unit is binary, as Compose has it (`512m` = `512Mi` = 512 MiB). null when it is none. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$/.exec(text);
  const unit = SIZE_UNITS[(match?.[2] ?? "").toLowerCase()];
  if (match === null || unit === undefined) return null;
  const bytes = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Parses a number of CPUs: `0.5`, or `500m` for thousandths as in Kubernetes. null when it is none. */
export function parseCpus(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(m?)$/.exec(text);
  if (match === null) return null;
  const cpus = match[2] === "m" ? Number(match[1]) / 1000 : Number(match[1]);
  return cpus > 0 && cpus <= 1024 ? cpus : null;
}
