import assert from "node:assert/strict";
import { it } from "node:test";
import { judge } from "../../../src/bootstrap/judge.ts";
import { factsOf, wantedOf } from "./fixtures.ts";

const now = 1_000_000;

function problems(
  ...parameters: [Parameters<typeof factsOf>[0]?, ReturnType<typeof wantedOf>?]
): readonly string[] {
  const [facts, wanted] = parameters;
  return judge(factsOf(facts), wanted ?? wantedOf(), now).problems;
}

function onlyProblem(pattern: RegExp, ...parameters: Parameters<typeof problems>): void {
  const found = problems(...parameters);
  assert.equal(found.length, 1, found.join("\n"));
  assert.match(found[0] ?? "", pattern);
}

it("finds nothing wrong with a fresh host", () => {
  assert.deepEqual(judge(factsOf(), wantedOf(), now), { problems: [], warnings: [] });
});

it("refuses other and older systems, other machines, and hosts without systemd", () => {
  onlyProblem(/runs Alpine.*Debian 11 and later, and Ubuntu/, {
    os: { id: "alpine", version: "3.22", name: "Alpine" },
  });
  onlyProblem(/too old: at least debian 11/, { os: { id: "debian", version: "10", name: "Debian 10" } });
  onlyProblem(/too old: at least ubuntu 20.04/, {
    os: { id: "ubuntu", version: "18.04", name: "Ubuntu 18" },
  });
  assert.deepEqual(problems({ os: { id: "ubuntu", version: "24.04", name: "Ubuntu" } }), []);
  assert.deepEqual(problems({ os: { id: "debian", version: "", name: "Debian sid" } }), []);
  onlyProblem(/architecture is riscv64/, { machine: "riscv64" });
  onlyProblem(/host is arm64.*--executable orun-linux-arm64/, { machine: "aarch64" });
  onlyProblem(/systemd does not run/, { systemd: null });
  onlyProblem(/user id 1000, not as root/, { uid: 1000 });
});

it("wants room on the disk, and less of it when most is there already", () => {
  const small = new Map([
    ["/usr/local", 100 * 1024],
    ["/var/lib", 2_000_000],
  ]);
  onlyProblem(/100 MiB are free at \/usr\/local, and the executable needs 400 MiB/, { disk: small });
  const uploaded = new Map([["/usr/local/lib/orun/orun-aaaaaaaaaaaa", "a".repeat(64)]]);
  assert.deepEqual(problems({ disk: small, executables: uploaded }), []);
  const noEngine = new Map([
    ["/usr/local", 2_000_000],
    ["/var/lib", 500 * 1024],
  ]);
  onlyProblem(/500 MiB are free at \/var\/lib, and Docker and the agent's state need 1024 MiB/, {
    disk: noEngine,
  });
  assert.deepEqual(problems({ disk: noEngine, engine: { state: "running", version: "26.1" } }), []);
});

it("warns of a clock that is a little off, and refuses one that is far off", () => {
  assert.match(judge(factsOf({ time: now + 60 }), wantedOf(), now).warnings[0] ?? "", /60 s ahead/);
  onlyProblem(/clock is 86400 s behind.*timedatectl/, { time: now - 86_400 });
});

it("names who has a port that is needed, and takes ports moved by the manifest into account", () => {
  const nginx = { port: 80, pid: 7, process: "nginx" };
  onlyProblem(/Port 80 is taken by 'nginx' \(pid 7\).*spec\.ingress\.httpPort/, { listeners: [nginx] });
  assert.deepEqual(problems({ listeners: [nginx] }, wantedOf({}, { ingress: { httpPort: 8080 } })), []);
  const exporter = { port: 9100, pid: null, process: "" };
  onlyProblem(/Port 9100 is taken by something.*--status-port/, { listeners: [exporter] });
  const caddy = { port: 443, pid: 9, process: "caddy" };
  onlyProblem(/Port 443 is taken by 'caddy'/, { listeners: [caddy] });
  const agents = new Map([
    ["/etc/orun/agent.yaml", 'node: "web-01"\ndataDir: "/opt/orun/"\nstatusPort: 9100\n'],
  ]);
  assert.deepEqual(problems({ listeners: [caddy, exporter], agents }), []);
});

it("leaves an engine that is there alone, also one that does not run", () => {
  onlyProblem(/Docker is installed, and no engine answers.*left alone/, { engine: { state: "stopped" } });
  const containers = [
    { id: "1", name: "postgres", node: "", environment: "", ingress: false },
    { id: "2", name: "orun-ingress", node: "", environment: "", ingress: true },
  ];
  const { problems: none, warnings } = judge(factsOf({ containers }), wantedOf(), now);
  assert.deepEqual(none, []);
  assert.match(warnings[0] ?? "", /1 container on this host is not orun's \(postgres\): left alone/);
});

it("refuses a host that is another node of the environment already, or whose state another agent has", () => {
  const agents = new Map([["/etc/orun/agent.yaml", 'node: "web-02"\ndataDir: "/opt/orun/"\n']]);
  onlyProblem(/is node 'web-02' in environment 'production' already.*orun uninstall nodes\/web-02\.yaml/, {
    agents,
  });
  const containers = [
    { id: "1", name: "hello-1", node: "web-02", environment: "production", ingress: false },
  ];
  onlyProblem(/is node 'web-02'.*container hello-1/, { containers });
  const staging = wantedOf({ environment: "staging" });
  onlyProblem(/Another agent there .*spec\.dataDir: \/opt\/orun\/staging/, { agents }, staging);
  assert.deepEqual(
    problems({ agents }, wantedOf({ environment: "staging" }, { dataDir: "/srv/staging" })),
    [],
  );
});
