/** What happens to a host in each run of the crash sweep. */
import { ported, web } from "../testbed/manifests.ts";
import type { Entry } from "../testbed/git-remote.ts";

export interface Scenario {
  name: string;
  before: Record<string, Entry>;
  change: Record<string, Entry>;
  /** Deployments with `Recreate`, and those that the change takes away. */
  recreate: string[];
  gone: string[];
  /** The exit code of `orun start --once` in the end (SPEC 8): 1 when a release was rolled back or is held. */
  exit: 0 | 1;
}

const app = "deployments/app.yaml";
/** One that nothing is done to: whatever happens, it stays as it is. */
const bystander = { "deployments/other.yaml": web("other", "1") };
const plain = { recreate: [], gone: [], exit: 0 } as const;

function scenario(
  name: string,
  before: Record<string, Entry>,
  change: Record<string, Entry>,
  more: Partial<Scenario> = {},
): Scenario {
  return { ...plain, recreate: [], gone: [], name, before: { ...bystander, ...before }, change, ...more };
}

/** All of them, for two free host ports: those differ from run to run. */
export function crashScenarios([one, two]: readonly [number, number]): Scenario[] {
  return [
    scenario("first deployment", {}, { [app]: web("app", "1") }),
    scenario("update", { [app]: web("app", "1") }, { [app]: web("app", "2") }),
    scenario(
      "update under Recreate",
      { [app]: ported("app", "1", one) },
      { [app]: ported("app", "2", one) },
      { recreate: ["app"] },
    ),
    scenario("rename", { [app]: web("app", "1") }, { [app]: web("renamed", "1") }, { gone: ["app"] }),
    scenario(
      "rollback",
      { [app]: web("app", "1") },
      { [app]: web("app", "2", { env: { NEVER_READY: "1" }, deadline: "2s" }) },
      { exit: 1 },
    ),
    scenario(
      "rollback under Recreate",
      { [app]: ported("app", "1", one) },
      { [app]: ported("app", "2", one, { env: { EXIT_CODE: "3" } }) },
      { recreate: ["app"], exit: 1 },
    ),
    scenario(
      "image that does not exist",
      { [app]: web("app", "1") },
      { [app]: web("app", "2", { image: "localhost:1/nothing:1" }), "deployments/new.yaml": web("new", "1") },
      { exit: 1 },
    ),
    scenario(
      "host port moved",
      { [app]: ported("app", "1", one) },
      { [app]: ported("app", "1", two) },
      { recreate: ["app"] },
    ),
    scenario("removal", { [app]: web("app", "1") }, { [app]: null }, { gone: ["app"] }),
    scenario(
      "two more replicas",
      { [app]: web("app", "1") },
      { [app]: web("app", "1", { more: "ports: [{containerPort: 80}]\nreplicas: 3" }) },
    ),
    scenario(
      "another network mode",
      { [app]: web("app", "1") },
      {
        [app]: web("app", "2", {
          env: { PORT: String(one) },
          more: "network: host",
        }).replace("localhost:80", `localhost:${String(one)}`),
      },
      { recreate: ["app"] },
    ),
  ];
}
