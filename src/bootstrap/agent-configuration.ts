import { instancePaths } from "./layout.ts";
import type { Wanted } from "./wanted.ts";

/** agent.yaml of a node: what the agent must know before it has read its Node manifest. */
export function renderAgentConfiguration(wanted: Wanted): string {
  const paths = instancePaths(wanted.environment);
  const fields: [string, string | number][] = [
    ["node", wanted.name],
    ["repo", wanted.spec.gitRepo],
    ["branch", wanted.spec.gitBranch],
    ["dataDir", wanted.spec.dataDir],
    ["codeDir", wanted.spec.codeDir],
    ["statusPort", wanted.statusPort],
    ...(wanted.git.kind !== "ssh"
      ? []
      : ([
          ["deployKey", paths.deployKey],
          ["knownHosts", paths.knownHosts],
        ] satisfies [string, string][])),
  ];
  // JSON's strings are YAML's too.
  const lines = fields.map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return `# Written by orun bootstrap, which writes it anew. Flags of 'orun start' go over it.\n${lines.join("\n")}\n`;
}
