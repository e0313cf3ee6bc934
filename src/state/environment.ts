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

/** What is known when an agent chooses the name of its environment. */
export interface EnvironmentFacts {
  branch: string;
  node: string;
  /** What this agent called it before; null: it never had one. */
  remembered: { branch: string; name: string } | null;
  /** The environments of the engine. */
  holders: readonly { environment: string; branch: string; node: string }[];
}

/** The name of this agent's environment: the one it has, by its memory or by the engine, else one that no other branch has. */
export function chooseEnvironment({ branch, node, remembered, holders }: EnvironmentFacts): string {
  const isFree = (name: string): boolean =>
    holders.every((holder) => holder.environment !== name || holder.branch === branch);
  if (remembered?.branch === branch && isFree(remembered.name)) return remembered.name;
  const own = holders.find((holder) => holder.branch === branch && holder.node === node);
  if (own !== undefined) return own.environment;
  return environmentOf(
    branch,
    (label) => holders.find((holder) => holder.environment === label)?.branch ?? null,
  );
}
