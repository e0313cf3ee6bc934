import assert from "node:assert/strict";
import { it } from "node:test";
import { parseUninstallFacts, planUninstall } from "../../../src/bootstrap/plan-uninstall.ts";
import { shellCommand } from "../../../src/bootstrap/quote.ts";
import { parseUpgradeOutcome } from "../../../src/bootstrap/upgrade.ts";

const two = `instance agent
instance staging
unit loaded
engine yes
container c1
container c2
ingress i1
network n1
`;

function commands(output: string, environment: string, workloads: boolean): string[] {
  const steps = planUninstall(parseUninstallFacts(output), environment, workloads);
  return steps.flatMap(({ operations }) =>
    operations.map((operation) => (operation.kind === "run" ? shellCommand(operation.argv) : operation.kind)),
  );
}

it("leaves what runs, and what another agent needs", () => {
  assert.deepEqual(commands(two, "production", false), [
    "systemctl disable --now orun@agent.service",
    "rm -f /etc/orun/agent.yaml /etc/orun/agent.key /etc/orun/agent.key.pub /etc/orun/agent.known_hosts",
    "rm -rf /etc/systemd/system/orun@agent.service.d",
  ]);
});

it("takes executable and unit along with the last agent", () => {
  const last = commands(two.replace("instance agent\n", ""), "staging", false);
  assert.ok(last.includes("rm -f /usr/local/bin/orun /etc/systemd/system/orun@.service"));
  assert.ok(last.includes("rm -rf /usr/local/lib/orun"));
  assert.ok(!last.some((command) => command.startsWith("docker")));
});

it("removes its own containers and networks when asked, the ingress with the last agent only, and no volume ever", () => {
  const first = commands(two, "production", true);
  assert.ok(first.includes("docker rm --force c1 c2"));
  assert.ok(first.includes("docker network rm n1"));
  const last = commands(two.replace("instance agent\n", ""), "staging", true);
  assert.ok(last.includes("docker rm --force c1 c2 i1"));
  for (const command of [...first, ...last]) assert.doesNotMatch(command, /volume|prune|\/opt\/orun| -v\b/);
});

it("tells an engine without containers from one that does not answer", () => {
  assert.deepEqual(parseUninstallFacts("engine yes\n").workloads, {
    containers: [],
    ingress: [],
    networks: [],
  });
  assert.equal(parseUninstallFacts("instance agent\n").workloads, null);
});

it("reads how an upgrade ended, or that it goes on", () => {
  assert.equal(parseUpgradeOutcome("active\n"), null);
  assert.equal(parseUpgradeOutcome("inactive\n"), null);
  assert.deepEqual(parseUpgradeOutcome("done: new is in force\n"), {
    replaced: true,
    message: "new is in force",
  });
  assert.deepEqual(parseUpgradeOutcome("back: old\nboom\n"), { replaced: false, message: "old\nboom" });
});
