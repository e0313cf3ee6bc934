import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifests, type ManifestFile } from "../../../src/manifest/parse.ts";
import { checkReferences } from "../../../src/manifest/references.ts";
import { deployment, file, manifest } from "./manifests.ts";

function check(...files: ManifestFile[]): { held: string[]; said: string } {
  const { held, diagnostics } = checkReferences(parseManifests(files));
  return { held: held.map((item) => item.name), said: diagnostics.map((item) => item.message).join("\n") };
}
const service = (name: string, target: string, more = ""): ManifestFile =>
  file(
    `services/${name}.yaml`,
    manifest(
      "Service",
      name,
      `  deployment: ${target}\n  ingress: {domain: {default: a.example.com}}${more}`,
    ),
  );
const listens = "\n  ports: [{containerPort: 80}]";

test("a Service of an absent Deployment is held, of an invalid one it is not", () => {
  assert.deepEqual(check(service("web", "gone")).held, ["web"]);
  assert.deepEqual(check(service("web", "bad"), deployment("bad", "\n  replicas: x")).held, []);
});

test("a Service's port has to be one of the containerPorts", () => {
  assert.deepEqual(check(service("web", "app", "\n  port: 81"), deployment("app", listens)).held, ["web"]);
  assert.deepEqual(check(service("web", "app", "\n  port: 80"), deployment("app", listens)).held, []);
});

test("two Services with one host name: a warning that names the other", () => {
  const { held, said } = check(service("one", "app"), service("two", "app"), deployment("app", listens));
  assert.deepEqual(held, []);
  assert.match(said, /'one'.*a\.example\.com/);
});

test("a cycle is held and shown, what merely leads to it is not", () => {
  const needs = (name: string, other: string): ManifestFile => deployment(name, `\n  dependsOn: [${other}]`);
  const { held, said } = check(needs("a", "b"), needs("b", "a"), needs("c", "a"));
  assert.deepEqual(held, ["a", "b"]);
  assert.match(said, /a -> b -> a/);
  assert.deepEqual(check(needs("a", "a")).held, ["a"]);
});

test("a long chain of dependencies is no problem", () => {
  const chain = Array.from({ length: 3000 }, (_, index) =>
    deployment(`d${String(index)}`, index === 0 ? "" : `\n  dependsOn: [d${String(index - 1)}]`),
  );
  assert.deepEqual(check(...chain).held, []);
});

test("a host port claimed twice: the later one is held, also under the address for all", () => {
  const port = (name: string, more: string): ManifestFile =>
    deployment(name, `\n  ports: [{containerPort: 80, port: 8080${more}}]`);
  const { held, said } = check(port("a", ""), port("b", ", hostIP: 127.0.0.1"));
  assert.deepEqual(held, ["b"]);
  assert.match(said, /'a' \(deployments\/a\.yaml:1\)/);
  assert.deepEqual(check(port("a", ", hostIP: 127.0.0.2"), port("b", ", hostIP: 127.0.0.1")).held, []);
  assert.deepEqual(check(port("a", ", protocol: udp"), port("b", "")).held, []);
});
