import type { ParsedManifests } from "./parsed.ts";
import type { Resource } from "./resource.ts";
import { positionOf } from "./field-position.ts";

interface Place {
  file: string;
  line: number;
}

/** Refuses every document whose kind and name another one has too (SPEC 2): each is held, and names the other place. */
export function refuseDuplicates(parsed: ParsedManifests): ParsedManifests {
  const places = new Map<string, Place[]>();
  const note = (kind: string, name: string, place: Place): void => {
    const key = `${kind}/${name}`;
    const known = places.get(key);
    if (known === undefined) places.set(key, [place]);
    else known.push(place);
  };
  for (const item of parsed.invalid) note(item.kind, item.name, item);
  for (const item of parsed.resources) note(item.kind, item.name, item.source);

  const result: ParsedManifests = {
    ...parsed,
    resources: [],
    diagnostics: [...parsed.diagnostics],
    invalid: [...parsed.invalid],
  };
  for (const item of parsed.resources) {
    const { kind, name, source } = item;
    const other = otherPlace(places.get(`${kind}/${name}`) ?? [], source);
    if (other === null) {
      result.resources.push(item);
      continue;
    }
    const message = `${kind} '${name}' is defined twice: the other one is at ${other.file}:${String(other.line)}; rename or remove one of them`;
    result.diagnostics.push({
      ...positionOf(item, ["metadata", "name"]),
      severity: "error",
      message,
      resource: { kind, name },
    });
    result.invalid.push({ kind, name, file: source.file, line: source.line, message });
  }
  return result;
}

function otherPlace(places: readonly Place[], own: Resource["source"]): Place | null {
  const [first, second] = places;
  if (first === undefined || second === undefined) return null;
  return first.file === own.file && first.line === own.line ? second : first;
}
