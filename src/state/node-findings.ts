import type { Diagnostic } from "../manifest/diagnostic.ts";
import { positionOf } from "../manifest/field-position.ts";
import type { NodeResource } from "../manifest/resource.ts";

/** What an agent goes by that its own Node manifest names too; null: a flag says so, which wins whatever the manifest says (SPEC 8). */
export interface Followed {
  repo: string | null;
  branch: string | null;
  dataDir: string | null;
}

/** What a Node's own agent cannot follow (SPEC 2): reported, never an error. */
export function nodeFindings(
  node: NodeResource,
  agent: { followed: Followed; environment: string },
): Diagnostic[] {
  const { followed, environment } = agent;
  const found: Diagnostic[] = [];
  const warn = (field: string, message: string): void => {
    found.push({
      ...positionOf(node, ["spec", field]),
      severity: "warning",
      message: `${field}: ${message}`,
      resource: { kind: "Node", name: node.name },
    });
  };
  const compare = (field: "gitRepo" | "gitBranch" | "dataDir", inForce: string | null): void => {
    const wanted = node.spec[field];
    if (inForce === null || plain(wanted) === plain(inForce)) return;
    warn(
      field,
      `the agent goes on with '${inForce}': '${wanted}' is not followed by itself; run 'orun bootstrap' for this node again`,
    );
  };
  compare("gitRepo", followed.repo);
  compare("gitBranch", followed.branch);
  compare("dataDir", followed.dataDir);
  if (node.spec.environment !== undefined && node.spec.environment !== environment)
    warn(
      "environment",
      `the agent goes on as '${environment}': what runs under one name is not carried over to '${node.spec.environment}'`,
    );
  if (node.spec.previews !== undefined)
    warn("previews", "this version of orun runs no preview environments yet; the field has no effect");
  return found;
}

/** A folder with and without its last slash is one. */
function plain(text: string): string {
  return text.length > 1 ? text.replace(/\/+$/, "") : text;
}
