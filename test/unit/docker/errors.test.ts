import assert from "node:assert/strict";
import { test } from "node:test";
import { engineError } from "../../../src/docker/errors.ts";

const start = { method: "POST", path: "/containers/x/start" } as const;
const create = { method: "POST", path: "/containers/create" } as const;
const pull = { method: "POST", path: "/images/create" } as const;

for (const [call, status, text, kind] of [
  [create, 409, 'Conflict. The container name "/a" is already in use by container "b".', "name-taken"],
  [create, 404, "No such image: a:1", "image-not-found"],
  [start, 404, "No such container: x", "not-found"],
  [start, 404, "network 0123 not found", "not-found"],
  [
    start,
    500,
    "driver failed programming external connectivity on endpoint a (b): Bind for 0.0.0.0:80 failed: port is already allocated",
    "port-taken",
  ],
  [
    start,
    500,
    "Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use",
    "port-taken",
  ],
  [
    start,
    500,
    "failed to set up container networking: driver failed programming external connectivity on endpoint a (b): failed to bind host port for 0.0.0.0:80:172.17.0.2:80/tcp: address already in use",
    "port-taken",
  ],
  [start, 403, "Address already in use", "address-taken"],
  [start, 500, "failed to set up container networking: Address already in use", "address-taken"],
  [start, 500, "mkdir /x: no space left on device", "no-space"],
  [start, 400, 'exec: "nope": executable file not found in $PATH: unknown', "refused"],
  [start, 500, "dial unix /run/containerd.sock: connection refused", "engine"],
  [create, 400, "invalid volume specification", "refused"],
  [pull, 404, "manifest for r:5000/a:1 not found: manifest unknown: manifest unknown", "image-not-found"],
  [
    pull,
    404,
    "pull access denied for a, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    "image-not-found",
  ],
  [pull, 500, "Get https://r/v2/a/manifests/1: unauthorized: authentication required", "registry-auth"],
  [pull, 500, "Get https://r/v2/a/manifests/1: no basic auth credentials", "registry-auth"],
  [pull, 500, "toomanyrequests: You have reached your pull rate limit", "registry-rate-limit"],
  [pull, 500, "Get https://r/v2/: dial tcp 127.0.0.1:1: connect: connection refused", "registry-unreachable"],
  [pull, 500, "Get https://r/v2/: dial tcp: lookup r: no such host", "registry-unreachable"],
  [pull, 404, "no matching manifest for linux/amd64 in the manifest list entries", "image-unusable"],
  [pull, 500, "filesystem layer verification failed for digest sha256:1", "image-unusable"],
] as const) {
  test(`${kind}: ${text.slice(0, 60)}`, () => {
    const error = engineError(call, status, text);
    assert.equal(error.kind, kind, error.message);
    assert.equal(error.status, status);
  });
}

test("an answer becomes one short line", () => {
  const { message } = engineError(start, 500, `a\n\u001b[31m${"b".repeat(5000)}`);
  assert.doesNotMatch(message, /[\n\u001b]/);
  assert.ok(message.length < 700);
});
