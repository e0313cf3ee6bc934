import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifests } from "../../../src/manifest/parse.ts";
import type { Resource } from "../../../src/manifest/resource.ts";
import { file, manifest, messages } from "./manifests.ts";

function only(kind: "Node" | "Service", spec: string): Resource {
  const parsed = parseManifests([file("a.yaml", manifest(kind, "a", spec))]);
  const [found] = parsed.resources;
  assert.ok(found !== undefined, messages(parsed).join("\n"));
  return found;
}
function refused(kind: "Node" | "Service", spec: string, expected: RegExp): void {
  const parsed = parseManifests([file("a.yaml", manifest(kind, "a", spec))]);
  assert.deepEqual(parsed.resources, [], spec);
  assert.match(messages(parsed).join("\n"), expected);
}

const node = "  host: 192.0.2.1\n  gitRepo: git@example.com:a/b.git\n";
const service = "  deployment: hello\n  ingress:\n    domain:\n      default: hello.example.com\n";

test("the smallest Node has every default", () => {
  assert.deepEqual(only("Node", node).spec, {
    host: "192.0.2.1",
    user: "root",
    sshKeyPath: "~/.ssh/id_ed25519",
    sshPort: 22,
    gitRepo: "git@example.com:a/b.git",
    gitBranch: "main",
    pollInterval: 5000,
    dataDir: "/opt/orun/",
    codeDir: "/var/lib/orun/code",
  });
});

test("pollInterval is 500ms to 24h", () => {
  only("Node", `${node}  pollInterval: 500ms`);
  only("Node", `${node}  pollInterval: 24h`);
  for (const value of ["499ms", "25h", "5", "-5s"])
    refused("Node", `${node}  pollInterval: ${value}`, /pollInterval/);
});

test("previews and ingress have defaults of their own", () => {
  const { spec } = only("Node", `${node}  previews: {branches: ["feat-*"]}\n  ingress: {}`);
  assert.ok("previews" in spec && "ingress" in spec);
  assert.deepEqual(spec.previews, { branches: ["feat-*"], max: 5, ttl: 604_800_000 });
  assert.deepEqual(spec.ingress, { httpPort: 80, httpsPort: 443 });
});

test("no field of a Node can become an option of a program", () => {
  for (const field of ["host", "gitRepo", "gitBranch", "user"]) {
    const others = node.replace(new RegExp(`^  ${field}:.*\n`, "m"), "");
    refused("Node", `${others}  ${field}: --upload-pack=x`, /does not start with '-'/);
  }
});

test("the smallest Service: no certificate, the first containerPort, production only", () => {
  assert.deepEqual(only("Service", service).spec, {
    deployment: "hello",
    ingress: { domain: { default: "hello.example.com" }, ssl: false },
  });
});

test("host names are host names, and a template has $ENV", () => {
  only("Service", `${service}      environment: $ENV.example.com`);
  refused("Service", `${service}      environment: hello.example.com`, /\$ENV/);
  refused("Service", `${service}      environment: $ENV.exa mple.com`, /host name/);
  // With the longest name of an environment a label would be longer than 63 characters.
  refused("Service", `${service}      environment: $ENV${"a".repeat(30)}.example.com`, /host name/);
  for (const name of [
    "Hello.example.com",
    "https://a.example.com",
    "a.example.com:80",
    "{http.request.host}",
    "a..b",
    "*.a.b",
  ])
    refused("Service", service.replace("hello.example.com", `"${name}"`), /host name/);
});
