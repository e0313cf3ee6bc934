import { createHash } from "node:crypto";

/**
 * The environment that a branch stands for (SPEC 7): `main` is production, any other branch its name as a DNS label.
 * A branch called `production`, and one whose label `holder` says another branch already has, get `-` and four hash characters.
 */
export function environmentOf(branch: string, holder: (label: string) => string | null): string {
  if (branch === "main") return "production";
  const label = dnsLabel(branch);
  const other = label === "production" ? "main" : holder(label);
  if (other === null || other === branch) return label;
  const hash = createHash("sha256").update(branch).digest("hex").slice(0, 4);
  return `${label.slice(0, 35).replace(/-+$/, "")}-${hash}`;
}

/** A branch name as a DNS-1123 label of at most 40 characters, so that a container's name stays a valid host name. */
function dnsLabel(branch: string): string {
  const label = branch
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
  return label === "" ? "branch" : label;
}
