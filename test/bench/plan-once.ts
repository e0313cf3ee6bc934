/** Parses and plans so many manifests in a process of its own, and prints how long it took (ms): `plan-once.ts COUNT`. */
import { parseManifests, type ManifestFile, type ParseCache } from "../../src/manifest/parse.ts";
import { planAll } from "../../src/plan/plan.ts";
import { desiredState } from "../../src/state/desired.ts";
import { emptyMemory } from "../../src/state/memory.ts";
import { webDeployments } from "./manifests.ts";

const files = Object.entries(webDeployments(Number(process.argv[2]), (name) => `version of ${name}`)).map(
  ([path, content]): ManifestFile => ({ path, blob: path, content }),
);
const cache: ParseCache = new Map();
const nothing = { containers: [], foreign: [], unreadable: [], network: null, at: 0 };

const plan = (changed: readonly ManifestFile[]): { parse: number; plan: number } => {
  const begun = performance.now();
  const parsed = parseManifests(changed, cache);
  const read = performance.now();
  const desired = desiredState(parsed, {
    commit: "0".repeat(40),
    node: "web-01",
    environment: "production",
    envFiles: new Map(),
    lastNode: null,
    routes: {},
    followed: null,
  });
  const plans = planAll(
    desired,
    nothing,
    emptyMemory(),
    { routes: [], directed: new Map() },
    "production",
    0,
  );
  const end = performance.now();
  const problem = desired.diagnostics[0]?.message;
  if (problem !== undefined) throw new Error(problem);
  if (plans.length !== files.length || plans.some(({ actions }) => actions.length === 0))
    throw new Error("a deployment has no plan");
  return { parse: read - begun, plan: end - read };
};

const first = plan(files);
const next = plan(
  files.map((file, index) =>
    index === 0 ? { ...file, blob: "another", content: file.content.replace("version of", "next") } : file,
  ),
);
console.log(JSON.stringify({ ...first, again: next.parse + next.plan }));
