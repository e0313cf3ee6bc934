import { readFileSync } from "node:fs";
import { renderText } from "../../manifest/diagnostic.ts";
import type { NodeSpec } from "../../manifest/node.ts";
import { parseManifests } from "../../manifest/parse.ts";
import { environmentOf } from "../../state/environment.ts";

export interface NodeManifest {
  name: string;
  spec: NodeSpec;
  environment: string;
}

/** Reads the one Node of a file. Throws an error that shows what is wrong with it. */
export function readNodeManifest(file: string): NodeManifest {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    throw new Error(
      `${file} cannot be read (${code}): name a file such as nodes/web-01.yaml, from the top folder of the manifest repository, or give none to be asked`,
      { cause },
    );
  }
  const parsed = parseManifests([{ path: file, blob: "", content }]);
  const errors = parsed.diagnostics.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(`${file} has errors:\n${errors.map(renderText).join("\n")}`);
  const nodes = parsed.resources.flatMap((resource) => (resource.kind === "Node" ? [resource] : []));
  const [node] = nodes;
  if (node === undefined || nodes.length > 1)
    throw new Error(`${file} has ${String(nodes.length)} documents of kind Node: one is needed`);
  const environment = node.spec.environment ?? environmentOf(node.spec.gitBranch, () => null);
  return { name: node.name, spec: node.spec, environment };
}
