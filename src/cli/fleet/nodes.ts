import { renderText } from "../../manifest/diagnostic.ts";
import type { NodeSpec } from "../../manifest/node.ts";
import { parseManifests } from "../../manifest/parse.ts";
import { readWorkingTree } from "../working-tree.ts";

/** A node of the repository: how to reach it, or why its manifest does not say. */
export type FleetNode =
  | { name: string; spec: NodeSpec; problem: null }
  | { name: string; spec: null; problem: string };

/**
 * The nodes of a manifest repository in the order of their names: all, or the one that is asked for. Throws an error that says
 * what there is when there is none, or none of that name.
 */
export function fleetNodes(repo: string, only: string | null): FleetNode[] {
  const parsed = parseManifests(readWorkingTree(repo).filter(({ path }) => path.startsWith("nodes/")));
  const nodes: FleetNode[] = [];
  for (const resource of parsed.resources)
    if (resource.kind === "Node") nodes.push({ name: resource.name, spec: resource.spec, problem: null });
  for (const { kind, name } of parsed.invalid) {
    if (kind !== "Node" || nodes.some((node) => node.name === name)) continue;
    const finding = parsed.diagnostics.find(
      ({ resource, severity }) => severity === "error" && resource?.kind === kind && resource.name === name,
    );
    const problem =
      finding === undefined ? "its manifest has an error" : (renderText(finding).split("\n")[0] ?? "");
    nodes.push({ name, spec: null, problem });
  }
  nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (nodes.length === 0)
    throw new Error(
      `no Node below ${repo}/nodes: run this in the top folder of the manifest repository, or name it with --repo PATH`,
    );
  if (only === null) return nodes;
  const found = nodes.filter(({ name }) => name === only);
  if (found.length === 0)
    throw new Error(
      `no Node is called '${only}' in ${repo}/nodes; there is ${nodes.map(({ name }) => name).join(", ")}`,
    );
  return found;
}
