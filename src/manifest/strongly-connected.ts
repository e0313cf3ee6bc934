/**
 * Groups of names that reach each other (Tarjan's algorithm), single ones included, in the order in which they are first
 * met. Linear in names and edges, and without recursion: a chain of thousands must not cost the stack.
 */
export function stronglyConnected(
  names: readonly string[],
  edges: (name: string) => readonly string[],
): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const waiting: string[] = [];
  const isWaiting = new Set<string>();
  const groups: string[][] = [];
  const lower = (name: string, to: number): void => {
    low.set(name, Math.min(low.get(name) ?? to, to));
  };
  for (const root of names) {
    if (index.has(root)) continue;
    const path: { name: string; rest: string[] }[] = [];
    const enter = (name: string): void => {
      index.set(name, index.size);
      lower(name, index.size - 1);
      waiting.push(name);
      isWaiting.add(name);
      path.push({ name, rest: [...edges(name)].reverse() });
    };
    enter(root);
    for (let here = path.at(-1); here !== undefined; here = path.at(-1)) {
      const next = here.rest.pop();
      if (next !== undefined) {
        const known = index.get(next);
        if (known === undefined) enter(next);
        else if (isWaiting.has(next)) lower(here.name, known);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) lower(parent.name, low.get(here.name) ?? 0);
      if (low.get(here.name) !== index.get(here.name)) continue;
      const group = waiting.splice(waiting.lastIndexOf(here.name));
      for (const name of group) isWaiting.delete(name);
      groups.push(group);
    }
  }
  return groups;
}
