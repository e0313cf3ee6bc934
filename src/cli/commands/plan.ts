import { join } from "node:path";
import { connectEngine } from "../../docker/engine.ts";
import { createNodeFiles } from "../../host/files.ts";
import { readState } from "../../host/state-file.ts";
import { parseManifests } from "../../manifest/parse.ts";
import { planAll } from "../../plan/plan.ts";
import { desiredState, envFilePaths } from "../../state/desired.ts";
import { chooseEnvironment, environmentOf } from "../../state/environment.ts";
import { routesInForce } from "../../state/route.ts";
import { fieldChanges, renderPlan } from "../render-plan.ts";
import { directedNow } from "../open-ingress.ts";
import { readSettings } from "../settings.ts";
import { paintFor, terminalOf } from "../terminal.ts";
import { readWorkingTree } from "../working-tree.ts";

/** `orun plan`: what a pass over this folder would do to this host's engine. Exit code 0 nothing, 2 changes, 1 an error. */
export async function planCommand(options: Record<string, unknown>): Promise<number> {
  const { repo, ...rest } = options;
  const settings = readSettings(rest);
  const parsed = parseManifests(readWorkingTree(typeof repo === "string" ? repo : "."));
  const envFiles = new Map<string, { content: string } | { error: string }>();
  const files = createNodeFiles();
  for (const path of envFilePaths(parsed)) {
    envFiles.set(
      path,
      await files.read(path).then(
        (content) => ({ content }),
        (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
      ),
    );
  }
  const { memory, warning } = readState(join(settings.dataDir, "state.json"), "reader");
  if (warning !== null) process.stderr.write(`orun: ${warning}\n`);
  const { node, branch, socketPath } = settings;
  const connectAs = (environment: string): ReturnType<typeof connectEngine> =>
    connectEngine({
      socketPath,
      owner: { node, environment },
      branch,
      isKnown: (id) => id in memory.containers,
    });
  let engine = connectAs(environmentOf(branch, () => null));
  try {
    const deadline = AbortSignal.timeout(30_000);
    const holders = await engine.environments(deadline);
    const environment = chooseEnvironment({ branch, node, remembered: memory.environment, holders });
    engine.close();
    engine = connectAs(environment);
    const desired = desiredState(parsed, {
      commit: "working tree",
      node,
      environment,
      envFiles,
      lastNode: memory.node,
      routes: memory.routes,
      followed: null,
    });
    const [observed, directed] = await Promise.all([
      engine.observe(null, deadline),
      directedNow(environment, settings, deadline),
    ]);
    const plans = planAll(
      desired,
      observed,
      memory,
      { routes: routesInForce(desired, memory.routes), directed },
      environment,
      Date.now(),
    );
    process.stdout.write(
      renderPlan(
        plans.map((plan) => ({ ...plan, changes: fieldChanges(desired, observed, plan.name) })),
        desired.diagnostics,
        paintFor(terminalOf(process.stdout)),
      ),
    );
    const errors = desired.diagnostics.some((item) => item.severity === "error");
    const changes = plans.some((plan) => plan.actions.length > 0);
    return errors ? 1 : changes ? 2 : 0;
  } finally {
    engine.close();
  }
}
