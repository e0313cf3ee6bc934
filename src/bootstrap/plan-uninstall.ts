/** What takes an agent off a host again. Pure. */
import { folders, instanceOf, instancePaths, link } from "./layout.ts";
import type { Operation, Step } from "./operation.ts";
import { UNIT_PATH, unitName } from "./unit.ts";

/** What {@link uninstallFactsCommand} found. */
export interface UninstallFacts {
  /** Instances of the unit that have settings here, this one included. */
  instances: readonly string[];
  unitLoaded: boolean;
  /** null: the engine could not be asked. */
  workloads: {
    containers: readonly string[];
    ingress: readonly string[];
    networks: readonly string[];
  } | null;
}

const looking = `
for file in /etc/orun/*.yaml; do
  [ -f "$file" ] && { name=\${file##*/}; echo "instance \${name%.yaml}"; }
done
systemctl cat "$1" >/dev/null 2>&1 && echo "unit loaded"
labels="--filter label=dev.orcra.run/node=$2 --filter label=dev.orcra.run/environment=$3"
if containers=$(timeout 20 docker ps --all --quiet --no-trunc $labels --filter label=dev.orcra.run/instance 2>/dev/null) &&
  ingress=$(timeout 20 docker ps --all --quiet --no-trunc --filter label=dev.orcra.run/ingress --filter label=dev.orcra.run/instance 2>/dev/null) &&
  networks=$(timeout 20 docker network ls --quiet --no-trunc $labels 2>/dev/null); then
  echo "engine yes"
  for id in $containers; do echo "container $id"; done
  for id in $ingress; do echo "ingress $id"; done
  for id in $networks; do echo "network $id"; done
fi
true
`;

/** Looks, and changes nothing. Names are DNS labels, so that none needs quoting within the filter. */
export function uninstallFactsCommand(name: string, environment: string): string[] {
  return ["sh", "-c", looking, "orun-facts", unitName(instanceOf(environment)), name, environment];
}

/** Reads its output. */
export function parseUninstallFacts(output: string): UninstallFacts {
  const lines = output.split("\n").map((line) => line.split(" "));
  const all = (kind: string): string[] =>
    lines.flatMap(([word, value]) => (word === kind && value ? [value] : []));
  return {
    instances: all("instance"),
    unitLoaded: all("unit").length > 0,
    workloads:
      all("engine").length > 0
        ? { containers: all("container"), ingress: all("ingress"), networks: all("network") }
        : null,
  };
}

/** The agent goes first: it would put back what is removed. Volumes and `dataDir` are never touched. */
export function planUninstall(facts: UninstallFacts, environment: string, workloads: boolean): Step[] {
  const instance = instanceOf(environment);
  const paths = instancePaths(environment);
  const unit = unitName(instance);
  const last = facts.instances.every((other) => other === instance);
  const files = [paths.configuration, paths.deployKey, `${paths.deployKey}.pub`, paths.knownHosts];
  const found = facts.workloads ?? { containers: [], ingress: [], networks: [] };
  const { networks } = found;
  // The ingress serves all agents of the engine: it goes with the last one.
  const containers = last ? [...found.containers, ...found.ingress] : found.containers;
  const steps: Step[] = [
    step(`Stop the agent (${unit})`, facts.unitLoaded ? [run(["systemctl", "disable", "--now", unit])] : []),
    step("Remove its settings and deploy key", [
      run(["rm", "-f", ...files]),
      run(["rm", "-rf", paths.dropInFolder]),
    ]),
  ];
  if (last) {
    steps.push(
      step("Remove the executable and the unit, which no other agent here uses", [
        run(["rm", "-f", link, UNIT_PATH]),
        run(["rm", "-rf", folders.executables]),
        run(["systemctl", "daemon-reload"]),
      ]),
    );
  }
  if (workloads) {
    steps.push(
      step(`Remove its ${String(containers.length)} containers`, [
        ...(containers.length > 0
          ? [
              run(["docker", "update", "--restart=no", ...containers]),
              run(["docker", "stop", ...containers]),
              run(["docker", "rm", "--force", ...containers]),
            ]
          : []),
      ]),
      step(
        `Remove its ${String(networks.length)} networks`,
        networks.length > 0 ? [run(["docker", "network", "rm", ...networks])] : [],
      ),
    );
  }
  return steps;
}

function step(title: string, operations: readonly Operation[]): Step {
  return { title, operations, note: null };
}

function run(argv: readonly string[]): Operation {
  return {
    kind: "run",
    argv,
    timeoutMs: 300_000,
    advice: "Run the same command again: it goes on where it was.",
  };
}
