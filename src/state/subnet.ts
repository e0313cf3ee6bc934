/** IPv4 arithmetic for an environment's network: static addresses in the lower half, the engine's own in the upper. */

export interface Cidr {
  base: number;
  bits: number;
}

/** Parses `a.b.c.d/n`; null when it is none. The base is masked. */
export function parseCidr(text: string): Cidr | null {
  const [ip = "", prefix = ""] = text.split("/");
  const base = parseAddress(ip);
  const bits = Number(prefix);
  if (base === null || prefix === "" || !Number.isInteger(bits) || bits < 0 || bits > 32) return null;
  return { base: mask(base, bits), bits };
}

export function parseAddress(text: string): number | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255))
    return null;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => String(Math.floor(address / 2 ** shift) % 256)).join(".");
}

export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr.base)}/${String(cidr.bits)}`;
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  const bits = Math.min(a.bits, b.bits);
  return mask(a.base, bits) === mask(b.base, bits);
}

/** Whether an address lies in a subnet; false also for what is neither. */
export function contains(subnet: string, address: string): boolean {
  const cidr = parseCidr(subnet);
  const parsed = parseAddress(address);
  return cidr !== null && parsed !== null && mask(parsed, cidr.bits) === cidr.base;
}

/** The upper half: where the engine may take addresses from (`ip-range`). */
export function upperHalf(cidr: Cidr): Cidr {
  return { base: cidr.base + 2 ** (31 - cidr.bits), bits: cidr.bits + 1 };
}

/** The lowest address of the lower half that is neither the gateway nor in `used`; null when all are taken. */
export function freeAddress(subnet: string, gateway: string, used: ReadonlySet<string>): string | null {
  const cidr = parseCidr(subnet);
  if (cidr === null) return null;
  for (let offset = 2; offset < 2 ** (31 - cidr.bits); offset++) {
    const address = formatAddress(cidr.base + offset);
    if (address !== gateway && !used.has(address)) return address;
  }
  return null;
}

/** The /22 blocks of 10.196.0.0/14, beginning at one that depends on `seed`, so that a node's networks stay where they are. */
export function candidates(seed: string): Cidr[] {
  let hash = 0;
  for (const character of seed) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 256;
  const first = parseAddress("10.196.0.0") ?? 0;
  return Array.from({ length: 256 }, (_, index) => ({
    base: first + ((hash + index) % 256) * 1024,
    bits: 22,
  }));
}

function mask(address: number, bits: number): number {
  const size = 2 ** (32 - bits);
  return Math.floor(address / size) * size;
}
