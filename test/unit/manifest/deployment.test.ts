import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifests } from "../../../src/manifest/parse.ts";
import { deployment, file, manifest, messages, specOf } from "./manifests.ts";

function refused(more: string, expected: RegExp): void {
  const parsed = parseManifests([deployment("app", more)]);
  assert.deepEqual(parsed.resources, [], more);
  assert.match(messages(parsed).join("\n"), expected);
}

test("the smallest deployment has every default", () => {
  assert.deepEqual(specOf(""), {
    image: "app:1",
    build: null,
    ports: [],
    health: { readiness: null, liveness: null },
    volumes: [],
    env: {},
    imagePullPolicy: "IfNotPresent",
    logging: { driver: "json-file", options: { "max-file": "3", "max-size": "10m" } },
    envFiles: [],
    command: null,
    args: null,
    workingDir: null,
    user: null,
    resources: { cpus: null, memory: null },
    stopGracePeriod: 10_000,
    network: "bridge",
    dependsOn: [],
    readOnlyRootFilesystem: false,
    extraHosts: [],
    tmpfs: [],
    replicas: 1,
    strategy: "RollingUpdate",
    progressDeadline: 120_000,
    devices: [],
    nodes: null,
    nodeSelector: {},
    suspend: false,
  });
});

test("image: exactly one of image and build", () => {
  refused("\n  build: {context: app}", /exactly one of image and build/);
  const neither = parseManifests([file("deployments/a.yaml", manifest("Deployment", "a", "  replicas: 1"))]);
  assert.match(messages(neither).join("\n"), /exactly one of image and build/);
});

test("build: context, dockerfile, args and buildMode, with their defaults", () => {
  const parsed = parseManifests([
    file("deployments/a.yaml", manifest("Deployment", "a", "  build: {context: app/web}")),
  ]);
  const [found] = parsed.resources;
  assert.ok(found?.kind === "Deployment");
  assert.deepEqual(found.spec.build, {
    context: "app/web",
    dockerfile: "Dockerfile",
    args: {},
    buildMode: "build-once",
  });
  assert.equal(found.spec.image, null);
});

test("build.context may not leave codeDir", () => {
  for (const path of ["/etc", "../other", "a/../../b", "''"]) {
    const text = manifest("Deployment", "a", `  build: {context: ${path}}`);
    assert.equal(parseManifests([file("deployments/a.yaml", text)]).resources.length, 0, path);
  }
});

test("ports: containerPort is required, port is the host port, protocol and hostIP are optional", () => {
  assert.deepEqual(
    specOf(
      "\n  ports:\n    - containerPort: 80\n    - {containerPort: 53, port: 5353, protocol: udp, hostIP: 127.0.0.1}",
    ).ports,
    [
      { containerPort: 80, port: null, protocol: "tcp", hostIP: null },
      { containerPort: 53, port: 5353, protocol: "udp", hostIP: "127.0.0.1" },
    ],
  );
  refused("\n  ports: [{port: 80}]", /containerPort: this required field is missing/);
  refused("\n  ports: [{containerPort: 80, hostIP: 127.0.0.1}]", /hostIP needs a host port/);
});

test("ports: a host port is used once, for each protocol and address", () => {
  refused(
    "\n  ports: [{containerPort: 80, port: 80}, {containerPort: 81, port: 80}]",
    /host port 80\/tcp is used twice/,
  );
  refused(
    "\n  ports: [{containerPort: 80, port: 80, hostIP: 0.0.0.0}, {containerPort: 81, port: 80, hostIP: 10.0.0.1}]",
    /used twice/,
  );
  specOf("\n  ports: [{containerPort: 80, port: 80}, {containerPort: 80, port: 80, protocol: udp}]");
});

test("health: http, tcp and exec, with interval 5s, timeout 2s, failureThreshold 3 and initialDelay 0", () => {
  const timing = { interval: 5000, timeout: 2000, failureThreshold: 3, initialDelay: 0 };
  const probeOf = (text: string) => specOf(`\n  health: {readiness: ${text}}`).health.readiness;
  assert.deepEqual(probeOf("{http: 'localhost:80/health'}"), {
    type: "http",
    port: 80,
    path: "/health",
    ...timing,
  });
  assert.deepEqual(probeOf("{http: localhost}"), { type: "http", port: 80, path: "/", ...timing });
  assert.deepEqual(probeOf("{tcp: 5432}"), { type: "tcp", port: 5432, ...timing });
  assert.deepEqual(
    probeOf("{exec: [pg_isready], interval: 1s, timeout: 500ms, failureThreshold: 1, initialDelay: 1m}"),
    {
      type: "exec",
      command: ["pg_isready"],
      interval: 1000,
      timeout: 500,
      failureThreshold: 1,
      initialDelay: 60_000,
    },
  );
  for (const text of [
    "{}",
    "{tcp: 1, exec: [a]}",
    "{http: 'http://localhost/'}",
    "{http: 'example.com:80/'}",
    "{exec: []}",
  ])
    refused(`\n  health: {liveness: ${text}}`, /health\.liveness/);
  refused("\n  health: {liveness: {http: 'localhost:99999/'}}", /port from 1 to 65535/);
});

test("health: probes can share what they have in common by YAML's merge key", () => {
  const { health } = specOf(
    "\n  health:\n    readiness: &probe {tcp: 80, timeout: 1s}\n    liveness: {<<: *probe, interval: 30s}",
  );
  assert.deepEqual(
    [health.liveness?.interval, health.liveness?.timeout, health.readiness?.interval],
    [30_000, 1000, 5000],
  );
});

test("volumes: exactly one of hostPath and name, absolute paths, readOnly", () => {
  assert.deepEqual(
    specOf(
      "\n  volumes:\n    - {hostPath: /srv/a, containerPath: /a}\n    - {name: data, containerPath: /b, readOnly: true}",
    ).volumes,
    [
      { type: "bind", hostPath: "/srv/a", containerPath: "/a", readOnly: false },
      { type: "volume", name: "data", containerPath: "/b", readOnly: true },
    ],
  );
  for (const entry of [
    "{containerPath: /a}",
    "{hostPath: /a, name: data, containerPath: /a}",
    "{hostPath: a, containerPath: /a}",
    "{hostPath: /a/../b, containerPath: /a}",
    "{hostPath: '/a:/etc', containerPath: /a}",
    "{hostPath: /a, containerPath: '/a:rw'}",
    "{hostPath: /a, containerPath: /}",
    "{name: ../x, containerPath: /a}",
    '{hostPath: "/a\\u202eb", containerPath: /a}',
    "{hostPath: /a, containerPath: /a}, {name: data, containerPath: /a/}",
  ])
    refused(`\n  volumes: [${entry}]`, /spec\.volumes/);
});

test("imagePullPolicy is derived as in Kubernetes", () => {
  const policy = (image: string, more = ""): string | undefined => {
    const text = manifest("Deployment", "a", `  image: ${image}${more}`);
    const [found] = parseManifests([file("deployments/a.yaml", text)]).resources;
    return found?.kind === "Deployment" ? found.spec.imagePullPolicy : undefined;
  };
  assert.equal(policy("nginx"), "Always");
  assert.equal(policy("nginx:latest"), "Always");
  assert.equal(policy("nginx:1.27"), "IfNotPresent");
  assert.equal(policy(`nginx@sha256:${"0".repeat(64)}`), "IfNotPresent");
  assert.equal(policy("nginx", "\n  imagePullPolicy: Never"), "Never");
});

test("logging: 3 files of 10 MiB, or what is asked for", () => {
  assert.deepEqual(specOf("\n  logging: {maxSize: 1GiB}").logging.options, {
    "max-file": "3",
    "max-size": "1g",
  });
  assert.deepEqual(specOf("\n  logging: {driver: local, maxFiles: 2}").logging, {
    driver: "local",
    options: { "max-file": "2" },
  });
  assert.deepEqual(specOf('\n  logging: {driver: syslog, options: {tag: b, "syslog-format": a}}').logging, {
    driver: "syslog",
    options: { "syslog-format": "a", tag: "b" },
  });
  refused("\n  logging: {driver: journald, maxSize: 10m}", /maxSize is for json-file and local/);
  refused('\n  logging: {maxFiles: 2, options: {max-file: "3"}}', /say the same/);
});

test("resources, stopGracePeriod and progressDeadline are normalised to CPUs, bytes and ms", () => {
  const spec = specOf(
    "\n  resources: {cpus: 500m, memory: 64Mi}\n  stopGracePeriod: 1m30s\n  progressDeadline: 5m",
  );
  assert.deepEqual(spec.resources, { cpus: 0.5, memory: 64 * 1024 ** 2 });
  assert.equal(spec.stopGracePeriod, 90_000);
  assert.equal(spec.progressDeadline, 300_000);
  refused("\n  resources: {memory: 1m}", /at least 6Mi/);
});

test("user is a name or a number", () => {
  assert.equal(specOf("\n  user: 1000").user, "1000");
  assert.equal(specOf('\n  user: "1000:1000"').user, "1000:1000");
  refused("\n  user: -1", /spec\.user/);
});

test("extraHosts, tmpfs and devices have Docker's forms", () => {
  specOf(
    "\n  extraHosts: ['a:10.0.0.1', 'b:::1', 'c:host-gateway']\n  tmpfs: [/run, '/tmp:size=64m,mode=1777']\n  devices: [/dev/a, '/dev/a:/dev/b:rwm']",
  );
  for (const more of [
    "\n  extraHosts: [a]",
    "\n  extraHosts: ['a:b']",
    "\n  extraHosts: [':1.2.3.4']",
    "\n  tmpfs: [run]",
    "\n  tmpfs: [/a/../b]",
    "\n  devices: [tty]",
    "\n  devices: ['/dev/a:/dev/b:rr']",
    "\n  devices: [/dev/../etc/passwd]",
    "\n  envFiles: [a.env]",
  ])
    refused(more, /expected/);
});

test("replicas: more than one needs ports without a host port", () => {
  assert.equal(specOf("\n  replicas: 3\n  ports: [{containerPort: 80}]").replicas, 3);
  refused(
    "\n  replicas: 2\n  ports: [{containerPort: 80, port: 80}]",
    /several replicas cannot share a host port/,
  );
  refused("\n  replicas: 2\n  network: host", /several replicas cannot share/);
});

test("strategy: Recreate with a host port, the host network or a writable volume, else RollingUpdate", () => {
  assert.equal(specOf("").strategy, "RollingUpdate");
  assert.equal(specOf("\n  ports: [{containerPort: 80, port: 80}]").strategy, "Recreate");
  assert.equal(specOf("\n  network: host").strategy, "Recreate");
  assert.equal(specOf("\n  volumes: [{name: data, containerPath: /a}]").strategy, "Recreate");
  assert.equal(
    specOf("\n  volumes: [{name: data, containerPath: /a, readOnly: true}]").strategy,
    "RollingUpdate",
  );
  assert.equal(
    specOf("\n  strategy: RollingUpdate\n  volumes: [{name: data, containerPath: /a}]").strategy,
    "RollingUpdate",
  );
  assert.equal(specOf("\n  strategy: Recreate").strategy, "Recreate");
});

test("strategy: RollingUpdate with a host port or the host network is an error", () => {
  refused(
    "\n  strategy: RollingUpdate\n  ports: [{containerPort: 80, port: 80}]",
    /spec\.strategy: RollingUpdate/,
  );
  refused("\n  strategy: RollingUpdate\n  network: host", /spec\.strategy: RollingUpdate/);
});

test("the host network publishes nothing", () => {
  refused("\n  network: host\n  ports: [{containerPort: 80, port: 80}]", /remove ports\[\]\.port/);
});

test("metadata: names, labels and annotations; labels below dev.orcra.run/ are refused", () => {
  const text = (metadata: string): string =>
    `apiVersion: run.orcra.dev/v0alpha\nkind: Deployment\nmetadata: ${metadata}\nspec: {image: a}\n`;
  const parse = (metadata: string) => parseManifests([file("deployments/a.yaml", text(metadata))]);
  const [found] = parse(
    "{name: a, labels: {role: web}, annotations: {run.orcra.dev/restartedAt: now}}",
  ).resources;
  assert.deepEqual(
    [found?.labels, found?.annotations],
    [{ role: "web" }, { "run.orcra.dev/restartedAt": "now" }],
  );
  for (const metadata of [
    "{name: a, labels: {dev.orcra.run/node: b}}",
    "{name: A}",
    "{name: a.b}",
    "{name: -a}",
    `{name: ${"a".repeat(64)}}`,
    "{name: a, labels: {a: 1}}",
  ])
    assert.equal(parse(metadata).resources.length, 0, metadata);
});
