import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

interface ServedCertificate {
  issuer: string;
  /** ms since the epoch. */
  expires: number;
}

/**
 * Reads the certificates that Caddy keeps (`caddy/certificates/AUTHORITY/HOST/HOST.crt` below its data folder). Of several
 * authorities the newest certificate counts. Files that did not change are not read again.
 */
export function certificateReader(dataFolder: string): (host: string) => ServedCertificate | null {
  const root = join(dataFolder, "caddy", "certificates");
  const known = new Map<string, { stamp: number; from: number; found: ServedCertificate }>();
  const read = (path: string): { from: number; found: ServedCertificate } | null => {
    try {
      const stamp = statSync(path).mtimeMs;
      const cached = known.get(path);
      if (cached?.stamp === stamp) return cached;
      const certificate = new X509Certificate(readFileSync(path));
      const entry = {
        stamp,
        from: Date.parse(certificate.validFrom),
        found: { issuer: issuerName(certificate.issuer), expires: Date.parse(certificate.validTo) },
      };
      known.set(path, entry);
      return entry;
    } catch {
      return null; // Not there, or just being written.
    }
  };
  return (host) => {
    const found = folders(root).flatMap(
      (authority) => read(join(root, authority, host, `${host}.crt`)) ?? [],
    );
    return found.sort((a, b) => b.from - a.from)[0]?.found ?? null;
  };
}

/** "Let's Encrypt R11" of `C=US\nO=Let's Encrypt\nCN=R11`. */
function issuerName(subject: string): string {
  const part = (key: string): string[] =>
    subject
      .split("\n")
      .filter((line) => line.startsWith(`${key}=`))
      .map((line) => line.slice(key.length + 1));
  return [...part("O"), ...part("CN")].join(" ");
}

function folders(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // Caddy makes it with its first certificate.
  }
}
