import { decodeCanonical, type CanonicalSpec } from "../state/canonical.ts";

/** Field by field, what changed from one spec to another, as a person says it: "image changed from a to b". */
export function specChanges(before: CanonicalSpec, after: CanonicalSpec): string[] {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return fields.flatMap((field) => {
    const old = before[field];
    const now = after[field];
    if (old === now) return [];
    if (field.startsWith("env ") || field.startsWith("envFiles ")) {
      return [`${field} ${old === undefined ? "added" : now === undefined ? "removed" : "changed"}`];
    }
    return [`${field} changed from ${shown(old)} to ${shown(now)}`];
  });
}

/** The reason for replacing a container: its label's spec beside the wanted one. */
export function canonicalReason(label: string, wanted: CanonicalSpec): string {
  const changes = specChanges(decodeCanonical(label), wanted);
  return changes.length === 0 ? "its spec changed" : changes.join(", ");
}

/** A canonical value as it stands in a manifest: strings without quotes, what is absent as its default. */
function shown(text: string | undefined): string {
  if (text === undefined) return "its default";
  return text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
