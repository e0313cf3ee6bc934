import assert from "node:assert/strict";
import { test } from "node:test";
import { toCreateBody } from "../../../src/docker/translate.ts";
import { deploymentSpec } from "../../../src/manifest/deployment.ts";

const network = { id: "net", address: "10.196.0.2", alias: null };
const bodyOf = (spec: Record<string, unknown>, at: typeof network | null = network) => {
  const parsed = deploymentSpec.parse({ image: "a:1", ...spec });
  return toCreateBody({
    name: "a-1",
    labels: { l: "1" },
    image: "sha256:1",
    spec: parsed,
    env: parsed.env,
    network: at,
  });
};

test("a bare deployment asks for nothing but its image, address and log rotation", () => {
  assert.deepEqual(bodyOf({}), {
    Image: "sha256:1",
    Labels: { l: "1" },
    Env: [],
    StopTimeout: 10,
    ExposedPorts: {},
    HostConfig: {
      Binds: [],
      Tmpfs: {},
      PortBindings: {},
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "json-file", Config: { "max-file": "3", "max-size": "10m" } },
      NetworkMode: "net",
      ExtraHosts: [],
      ReadonlyRootfs: false,
      NanoCpus: 0,
      Memory: 0,
      Devices: [],
    },
    NetworkingConfig: {
      EndpointsConfig: { net: { IPAMConfig: { IPv4Address: "10.196.0.2" }, Aliases: [] } },
    },
  });
});

test("every field has its place", () => {
  assert.deepEqual(
    bodyOf({
      ports: [
        { containerPort: 80, port: 8080, hostIP: "127.0.0.1" },
        { containerPort: 53, port: 53, protocol: "udp" },
        { containerPort: 9000 },
      ],
      volumes: [
        { hostPath: "/srv/data", containerPath: "/data" },
        { name: "cache", containerPath: "/cache", readOnly: true },
      ],
      env: { A: "1", B: "x=y" },
      command: ["/run"],
      args: ["--fast"],
      workingDir: "/w",
      user: "1000:1000",
      resources: { cpus: 0.5, memory: "64Mi" },
      stopGracePeriod: "1500ms",
      readOnlyRootFilesystem: true,
      extraHosts: ["db:10.0.0.1"],
      tmpfs: ["/tmp", "/run:size=1m"],
      devices: ["/dev/fuse", "/dev/a:/dev/b:r"],
      logging: { driver: "journald", options: { tag: "t" } },
    }),
    {
      Image: "sha256:1",
      Labels: { l: "1" },
      Env: ["A=1", "B=x=y"],
      Entrypoint: ["/run"],
      Cmd: ["--fast"],
      WorkingDir: "/w",
      User: "1000:1000",
      StopTimeout: 2,
      ExposedPorts: { "80/tcp": {}, "53/udp": {}, "9000/tcp": {} },
      HostConfig: {
        Binds: ["/srv/data:/data", "cache:/cache:ro"],
        Tmpfs: { "/tmp": "", "/run": "size=1m" },
        PortBindings: {
          "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }],
          "53/udp": [{ HostIp: "", HostPort: "53" }],
        },
        RestartPolicy: { Name: "no" },
        LogConfig: { Type: "journald", Config: { tag: "t" } },
        NetworkMode: "net",
        ExtraHosts: ["db:10.0.0.1"],
        ReadonlyRootfs: true,
        NanoCpus: 500_000_000,
        Memory: 67_108_864,
        MemorySwap: 67_108_864,
        Devices: [
          { PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm" },
          { PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "r" },
        ],
      },
      NetworkingConfig: {
        EndpointsConfig: { net: { IPAMConfig: { IPv4Address: "10.196.0.2" }, Aliases: [] } },
      },
    },
  );
});

test("the host network has no endpoint", () => {
  const body = bodyOf({ network: "host" }, null);
  assert.equal("NetworkingConfig" in body, false);
});
