/**
 * Where requests go, as names of empty files in a folder per Service. Caddy looks the names up for every request (a `file`
 * matcher with a glob), so that a file that appears is a switch, at once and without a load; and it finds them again after
 * any restart. See docs/adr/0002-upstreams-are-file-names.md.
 *
 * A name is `generation,shard,address:port,…`: generations count down, so that the newest sorts first; the shard is `-` or,
 * with more addresses than fit into a name, the last digit but one of the client's port that it is for; addresses are repeated until
 * there are {@link SLOTS} of them, one for each upstream of the proxy.
 */

/** Addresses in a name: ten of `255.255.255.255:65535` stay below the 255 bytes that a file name may have. */
export const SLOTS = 10;
/** More than a Deployment may have replicas (SPEC 2), in shards of {@link SLOTS}. */
const MOST = 100;
const FIRST_GENERATION = 99_999_999;
/** How many generations stay: a request that read the folder just before a switch must still find the file that it chose. */
const KEPT = 3;

const NAME = /^(\d{8}),([-\d]),(.+)$/;
const ADDRESS = /^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$/;

interface Entry {
  name: string;
  generation: number;
  shard: string;
  upstreams: readonly string[];
}

/** The addresses that a folder with these names stands for, sorted; null: none was ever written there. */
export function readUpstreams(names: readonly string[]): readonly string[] | null {
  const entries = parse(names);
  const newest = newestGeneration(entries);
  if (newest.length === 0) return names.includes(NOWHERE) ? [] : null;
  return [...new Set(newest.flatMap((entry) => entry.upstreams))].sort();
}

/** Says that a folder without addresses is meant so: requests get 503. */
const NOWHERE = "nowhere";

/** What leads a folder to these addresses: names to make first, in this order, and then names to remove. */
export function switchTo(
  names: readonly string[],
  upstreams: readonly string[],
): { add: readonly string[]; remove: readonly string[] } {
  const entries = parse(names);
  const wanted = [...new Set(upstreams)]
    .filter((upstream) => ADDRESS.test(upstream))
    .sort()
    .slice(0, MOST);
  if (JSON.stringify(readUpstreams(names)) === JSON.stringify(wanted)) return { add: [], remove: [] };
  if (wanted.length === 0)
    return { add: names.includes(NOWHERE) ? [] : [NOWHERE], remove: entries.map((entry) => entry.name) };
  const generation = Math.min(FIRST_GENERATION + 1, ...entries.map((entry) => entry.generation)) - 1;
  const groups = [1, 2, 5, 10].find((count) => count * SLOTS >= wanted.length) ?? 10;
  const nameOf = (shard: string, group: readonly string[]): string => {
    const slots = Array.from({ length: SLOTS }, (_, slot) => group[slot % group.length] ?? "");
    return [String(generation).padStart(8, "0"), shard, ...slots].join(",");
  };
  const add =
    groups === 1
      ? [nameOf("-", wanted)]
      : Array.from({ length: 10 }, (_, digit) =>
          nameOf(
            String(digit),
            wanted.filter((_upstream, index) => index % groups === digit % groups),
          ),
        );
  const sharded = groups > 1;
  // The other form is looked at only where this one is absent, or would hide it.
  const remove = entries.filter((entry) => (entry.shard !== "-") !== sharded);
  for (const shard of new Set(entries.map((entry) => entry.shard))) {
    const older = entries.filter((entry) => entry.shard === shard && !remove.includes(entry));
    remove.push(...older.slice(KEPT - 1));
  }
  return {
    add,
    remove: [...remove.map((entry) => entry.name), ...(names.includes(NOWHERE) ? [NOWHERE] : [])],
  };
}

/** Well-formed names, the newest first; anything else in the folder is nobody's. */
function parse(names: readonly string[]): Entry[] {
  return [...names].sort().flatMap((name) => {
    const match = NAME.exec(name);
    if (match === null) return [];
    const upstreams = (match[3] ?? "").split(",");
    if (upstreams.length !== SLOTS || !upstreams.every((upstream) => ADDRESS.test(upstream))) return [];
    return [{ name, generation: Number(match[1]), shard: match[2] ?? "", upstreams }];
  });
}

/** What Caddy uses: the newest without a shard, else the newest of every shard. */
function newestGeneration(entries: readonly Entry[]): readonly Entry[] {
  const whole = entries.find((entry) => entry.shard === "-");
  if (whole !== undefined) return [whole];
  const shards = new Set(entries.map((entry) => entry.shard));
  return [...shards].flatMap((shard) => entries.find((entry) => entry.shard === shard) ?? []);
}
