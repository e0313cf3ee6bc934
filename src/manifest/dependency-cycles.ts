const SHOWN = 8;

/**
 * The cycles in a graph of names: for each name that lies on one, a shortest cycle through it as text (`a -> b -> a`). Names that
 * the graph does not know are passed over. Iterative, because a chain may be as long as there are deployments.
 */
export function dependencyCycles(graph: ReadonlyMap<string, readonly string[]>): Map<string, string> {
  const candidates = withoutLeaves(graph);
  const cycles = new Map<string, string>();
  for (const start of candidates) {
    const path = shortestCycle(start, graph, candidates);
    if (path === null) continue;
    const shown = path.length > SHOWN ? [...path.slice(0, SHOWN - 2), "…", start] : path;
    cycles.set(start, shown.join(" -> "));
  }
  return cycles;
}

/** Takes away, again and again, what depends on nothing: who is left lies on a cycle or leads to one. */
function withoutLeaves(graph: ReadonlyMap<string, readonly string[]>): Set<string> {
  const left = new Set(graph.keys());
  const open = new Map<string, number>();
  const dependents = new Map<string, string[]>();
  for (const [name, needs] of graph) {
    const known = needs.filter((need) => graph.has(need));
    open.set(name, known.length);
    for (const need of known) {
      const list = dependents.get(need);
      if (list === undefined) dependents.set(need, [name]);
      else list.push(name);
    }
  }
  const leaves = [...left].filter((name) => open.get(name) === 0);
  for (let leaf = leaves.pop(); leaf !== undefined; leaf = leaves.pop()) {
    left.delete(leaf);
    for (const dependent of dependents.get(leaf) ?? []) {
      const rest = (open.get(dependent) ?? 0) - 1;
      open.set(dependent, rest);
      if (rest === 0) leaves.push(dependent);
    }
  }
  return left;
}

function shortestCycle(
  start: string,
  graph: ReadonlyMap<string, readonly string[]>,
  within: ReadonlySet<string>,
): string[] | null {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const name of queue) {
    for (const next of graph.get(name) ?? []) {
      if (next === start) {
        const path = [start];
        for (let at = name; at !== start; at = cameFrom.get(at) ?? start) path.unshift(at);
        return [start, ...path];
      }
      if (!within.has(next) || cameFrom.has(next)) continue;
      cameFrom.set(next, name);
      queue.push(next);
    }
  }
  return null;
}
