/** Every field of a Deployment that says how it runs, as the engine and the container itself report it (SPEC 2). */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { fetchText } from "../testbed/agent.ts";
import { mustApi } from "../testbed/engine-api.ts";
import { freePort } from "../testbed/free-port.ts";
import { demoImage } from "../testbed/images.ts";
import { deployment, ported, web } from "../testbed/manifests.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { openStage, type Stage } from "../testbed/stage.ts";
import { until } from "../testbed/wait.ts";

const fileOf = (name: string): string => `deployments/${name}.yaml`;

const inspected = z.object({
  State: z.object({ Status: z.string() }),
  Config: z.object({
    Env: z.array(z.string()),
    Entrypoint: z.array(z.string()).nullable(),
    Cmd: z.array(z.string()).nullable(),
    WorkingDir: z.string(),
    User: z.string(),
    StopTimeout: z.number(),
  }),
  HostConfig: z.object({
    Binds: z.array(z.string()).nullable(),
    Tmpfs: z.record(z.string(), z.string()).nullish(),
    ExtraHosts: z.array(z.string()).nullable(),
    ReadonlyRootfs: z.boolean(),
    NanoCpus: z.number(),
    Memory: z.number(),
    MemorySwap: z.number(),
    NetworkMode: z.string(),
    LogConfig: z.object({ Type: z.string(), Config: z.record(z.string(), z.string()) }),
    Devices: z
      .array(z.object({ PathOnHost: z.string(), PathInContainer: z.string(), CgroupPermissions: z.string() }))
      .nullable(),
    PortBindings: z
      .record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })))
      .nullable(),
  }),
});

describe("the fields of a deployment", () => {
  const box = openSandbox({ after });
  let stage: Stage;
  before(async () => {
    stage = await openStage(box);
    stage.launch();
  });

  const facts = async (name: string): Promise<z.output<typeof inspected>> => {
    await stage.agent().state(name, "running", 60_000);
    const [item] = await stage.of(name);
    return inspected.parse(await stage.inspect(item?.Id ?? ""));
  };
  /** Runs a command in a deployment's container; its output. */
  const exec = async (name: string, command: string[]): Promise<string> => {
    const [item] = await stage.of(name);
    const { socket } = stage.engine;
    const body = { Cmd: command, AttachStdout: true, AttachStderr: true, Tty: true };
    const made = await mustApi(socket, "POST", `/containers/${item?.Id ?? ""}/exec`, body);
    const { Id } = z.object({ Id: z.string() }).parse(JSON.parse(made));
    return (await mustApi(socket, "POST", `/exec/${Id}/start`, { Tty: true })).trim();
  };

  it("command, args, folder, user, files, limits, hosts, devices, log: as they are written", async () => {
    const files = join(stage.dataDir, "env");
    mkdirSync(files);
    writeFileSync(join(files, "a.env"), "# a comment\nFROM_FILE=yes\nBOTH=file\n");
    await stage.push({
      [fileOf("all")]: deployment(
        "all",
        `image: demo:1
command: ["/bin/sh", "-c"]
args: ["echo $0 $FROM_FILE $BOTH; sleep 3600", "zero"]
workingDir: /bin
user: 1000:1001
env: {BOTH: manifest, DECIMAL: 1.10, EMPTY: , QUOTED: "1.10"}
envFiles: [${join(files, "a.env")}]
readOnlyRootFilesystem: true
tmpfs: ["/run", "/scratch:size=1m,mode=1777"]
extraHosts: ["db.internal:10.1.2.3"]
resources: {cpus: 0.25, memory: 64Mi}
stopGracePeriod: 1s
devices: ["/dev/null:/dev/nothing:r"]
logging: {maxSize: 1Mi, maxFiles: 2}
volumes: [{hostPath: "${files}", containerPath: /files, readOnly: true}]`,
      ),
    });
    const { Config, HostConfig } = await facts("all");
    assert.deepEqual(Config.Entrypoint, ["/bin/sh", "-c"]);
    assert.deepEqual(Config.Cmd, ["echo $0 $FROM_FILE $BOTH; sleep 3600", "zero"]);
    assert.equal(Config.WorkingDir, "/bin");
    assert.equal(Config.User, "1000:1001");
    assert.equal(Config.StopTimeout, 1);
    for (const entry of ["FROM_FILE=yes", "BOTH=manifest", "DECIMAL=1.10", "QUOTED=1.10", "EMPTY="])
      assert.ok(Config.Env.includes(entry), `${entry} in ${Config.Env.join(" ")}`);
    assert.deepEqual(HostConfig.ExtraHosts, ["db.internal:10.1.2.3"]);
    assert.equal(HostConfig.ReadonlyRootfs, true);
    assert.equal(HostConfig.NanoCpus, 250_000_000);
    assert.deepEqual([HostConfig.Memory, HostConfig.MemorySwap], [2 ** 26, 2 ** 26]);
    assert.deepEqual(HostConfig.Tmpfs, { "/run": "", "/scratch": "size=1m,mode=1777" });
    assert.deepEqual(HostConfig.Devices, [
      { PathOnHost: "/dev/null", PathInContainer: "/dev/nothing", CgroupPermissions: "r" },
    ]);
    assert.deepEqual(HostConfig.LogConfig, {
      Type: "json-file",
      Config: { "max-size": "1m", "max-file": "2" },
    });
    assert.deepEqual(HostConfig.Binds, [`${files}:/files:ro`]);
    // And as the process finds it.
    assert.match(await exec("all", ["touch", "/here"]), /Read-only file system/);
    assert.equal(await exec("all", ["touch", "/scratch/here"]), "");
    assert.match(await exec("all", ["cat", "/etc/hosts"]), /10\.1\.2\.3\s+db\.internal/);
    assert.match(await exec("all", ["cat", "/proc/1/status"]), /^Uid:\s+1000\s+1000/m);
    const log = await mustApi(
      stage.engine.socket,
      "GET",
      `/containers/${(await stage.of("all"))[0]?.Id ?? ""}/logs?stdout=1`,
    );
    assert.match(log, /zero yes manifest/);
  });

  it("envFiles: a changed file makes a new revision, one that cannot be read holds what runs", async () => {
    const path = join(stage.dataDir, "env", "web.env");
    writeFileSync(path, "VERSION=1\n");
    const manifest = web("filed", "unused", { more: `ports: [{containerPort: 80}]\nenvFiles: ["${path}"]` });
    await stage.push({ [fileOf("filed")]: manifest.replace(/\n {4}VERSION: "unused"/, " {}") });
    await stage.serves("filed", "1");
    writeFileSync(path, "VERSION=2\n");
    await stage.push({ "README.md": "a pass" });
    await stage.serves("filed", "2");
    const [item] = await stage.of("filed");
    writeFileSync(path, "VERSION\n");
    await stage.push({ "README.md": "another pass" });
    await stage.told("filed", "held", /web\.env:1/);
    rmSync(path);
    await stage.push({ "README.md": "a third" });
    await stage.told("filed", "held", /ENOENT/);
    assert.equal((await stage.of("filed"))[0]?.Id, item?.Id);
    writeFileSync(path, "VERSION=2\n");
    await stage.push({ "README.md": "a fourth" });
    await stage.agent().state("filed", "running", 60_000);
    assert.equal((await stage.of("filed"))[0]?.Id, item?.Id);
  });

  it("dependsOn: nothing starts before what it needs is ready", async () => {
    await stage.push({
      [fileOf("needs")]: web("needs", "1", { more: "ports: [{containerPort: 80}]\ndependsOn: [base]" }),
      [fileOf("base")]: web("base", "1", { env: { READY_AFTER: "3" }, deadline: "60s" }),
    });
    await until("the first one runs", async () => (await stage.of("base"))[0]?.State === "running");
    const waiting = (await stage.agent().status()).deployments["needs"];
    if ((await stage.of("needs")).length === 0) assert.match(waiting?.message ?? "", /'base' to be ready/);
    await stage.serves("needs", "1");
    const [base] = await stage.of("base");
    const [needs] = await stage.of("needs");
    const started = async (id = ""): Promise<number> => {
      const { State } = z
        .object({ State: z.object({ StartedAt: z.string() }) })
        .parse(await stage.inspect(id));
      return Date.parse(State.StartedAt);
    };
    const gap = (await started(needs?.Id)) - (await started(base?.Id));
    assert.ok(gap >= 3000, `started ${String(gap)} ms after what becomes ready after 3000 ms`);
  });

  it("replicas: more, fewer, and a release of all of them", async () => {
    const many = (version: string, replicas: number): string =>
      web("many", version, { more: `ports: [{containerPort: 80}]\nreplicas: ${String(replicas)}` });
    const are = async (count: number): Promise<string[]> => {
      await until(
        `${String(count)} replicas are ready, and no other`,
        async () => {
          const list = await stage.of("many");
          const seen = (await stage.agent().status()).deployments["many"];
          return list.length === count && seen?.state === "running" && seen.ready_replicas === count;
        },
        90_000,
      );
      return (await stage.of("many")).map((item) => item.Id).sort();
    };
    await stage.push({ [fileOf("many")]: many("1", 3) });
    const three = await are(3);
    await stage.push({ [fileOf("many")]: many("1", 2) });
    const two = await are(2);
    assert.ok(
      two.every((id) => three.includes(id)),
      "those that stay are left alone",
    );
    await stage.push({ [fileOf("many")]: many("2", 2) });
    await until(
      "both are new",
      async () => (await stage.of("many")).every((item) => !two.includes(item.Id)),
      90_000,
    );
    await are(2);
    await stage.push({ [fileOf("many")]: null });
    await stage.gone("many");
  });

  it("health.liveness: what no longer lives is restarted, and comes back", async () => {
    const probe =
      'health: {readiness: {http: "localhost:80/health"}, liveness: {exec: ["test", "-e", "/alive"], interval: 200ms, timeout: 5s, failureThreshold: 2, initialDelay: 5s}}';
    const manifest = web("mortal", "1", { more: 'ports: [{containerPort: 80}]\ntmpfs: ["/tmp"]' });
    await demoImage(stage.engine.socket, { tag: "mortal:1" });
    await stage.push({
      [fileOf("mortal")]: manifest
        .replace(/\n {2}health: .*/, `\n  ${probe}`)
        .replace("image: demo:1", 'image: mortal:1\n  command: ["sh", "-c", "touch /alive; exec /run.sh"]'),
    });
    const { Id } = await stage.serves("mortal", "1");
    const startedAt = async (): Promise<unknown> => {
      const { State } = await stage.inspect(Id);
      return typeof State === "object" && State !== null && "StartedAt" in State ? State.StartedAt : null;
    };
    const first = await startedAt();
    await exec("mortal", ["rm", "/alive"]);
    await until("it was restarted", async () => (await startedAt()) !== first, 60_000);
    assert.equal((await stage.serves("mortal", "1")).Id, Id);
  });

  it("a host port of a stranger: held, named, nothing left behind; taken when it is free", async () => {
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(0, "0.0.0.0", resolve));
    const at = stranger.address();
    const taken = typeof at === "object" && at !== null ? at.port : 0;
    await stage.push({ [fileOf("ported")]: ported("ported", "1", taken) });
    await stage.told("ported", "failed", new RegExp(`host port ${String(taken)}/tcp is taken by process`));
    assert.equal((await stage.of("ported")).length, 0);
    await new Promise((resolve) => stranger.close(resolve));
    await stage.serves("ported", "1");
    assert.equal((await fetchText(taken, "/")).body.trim(), "version 1");
  });

  it("a host port of a stranger's container, for something that runs: the old one goes on serving", async () => {
    const { socket } = stage.engine;
    const [was] = await stage.of("ported");
    const taken = await freePort();
    const made = await mustApi(socket, "POST", "/containers/create?name=stranger", {
      Image: "demo:1",
      ExposedPorts: { "80/tcp": {} },
      HostConfig: {
        NetworkMode: "orun",
        PortBindings: { "80/tcp": [{ HostIp: "", HostPort: String(taken) }] },
      },
    });
    const { Id } = z.object({ Id: z.string() }).parse(JSON.parse(made));
    await mustApi(socket, "POST", `/containers/${Id}/start`);
    await stage.push({ [fileOf("ported")]: ported("ported", "2", taken) });
    const state = await stage.agent().state("ported", "held", 60_000);
    assert.match(
      state.message,
      new RegExp(`host port ${String(taken)}/tcp is taken by container 'stranger'`),
    );
    assert.equal(await stage.answer("ported"), "version 1");
    assert.deepEqual(
      (await stage.of("ported")).filter((item) => item.State === "running").map((item) => item.Id),
      [was?.Id],
    );
    await mustApi(socket, "DELETE", `/containers/${Id}?force=true`);
    await stage.serves("ported", "2");
    assert.equal((await fetchText(taken, "/")).body.trim(), "version 2");
  });

  it("a port over UDP: held while a stranger has it, published then", async () => {
    const stranger = createSocket("udp4");
    await new Promise<void>((resolve) => stranger.bind(0, "127.0.0.1", resolve));
    const { port } = stranger.address();
    await stage.push({
      [fileOf("udp")]: deployment(
        "udp",
        `image: demo:1
stopGracePeriod: 1s
ports: [{containerPort: 53, port: ${String(port)}, protocol: udp, hostIP: 127.0.0.1}]`,
      ),
    });
    await stage.told(
      "udp",
      "failed",
      new RegExp(`host port 127.0.0.1:${String(port)}/udp is taken by process`),
    );
    await new Promise<void>((resolve) => stranger.close(resolve));
    assert.deepEqual((await facts("udp")).HostConfig.PortBindings, {
      "53/udp": [{ HostIp: "127.0.0.1", HostPort: String(port) }],
    });
    const late = createSocket("udp4");
    const refused = new Promise((resolve) => late.once("error", resolve));
    late.bind(port, "127.0.0.1");
    assert.match(String(await refused), /EADDRINUSE/);
    late.close();
  });

  it("the network of the host", async () => {
    const tcp = await freePort();
    await stage.push({
      [fileOf("onhost")]: web("onhost", "1", { env: { PORT: String(tcp) }, more: "network: host" }).replace(
        "localhost:80",
        `localhost:${String(tcp)}`,
      ),
    });
    assert.equal((await facts("onhost")).HostConfig.NetworkMode, "host");
    assert.equal((await fetchText(tcp, "/")).body.trim(), "version 1");
    await stage.push({
      [fileOf("onhost")]: web("onhost", "2", { env: { PORT: String(tcp) }, more: "network: host" }).replace(
        "localhost:80",
        `localhost:${String(tcp)}`,
      ),
    });
    await until(
      "version 2 answers on the host's port",
      async () => (await fetchText(tcp, "/").catch(() => null))?.body.trim() === "version 2",
      60_000,
    );
    await stage.agent().state("onhost", "running", 60_000);
  });

  it("volumes: what is written stays, through releases and the deployment's own end", async () => {
    const folder = join(stage.dataDir, "workload");
    const volumes = `volumes: [{hostPath: "${folder}", containerPath: /data}, {name: kept-volume, containerPath: /kept}]`;
    await stage.push({ [fileOf("data")]: web("data", "1", { more: volumes }) });
    await stage.serves("data", "1");
    for (const path of ["/data/one", "/kept/one"]) await exec("data", ["touch", path]);
    await stage.push({ [fileOf("data")]: web("data", "2", { more: volumes }) });
    await stage.serves("data", "2");
    for (const path of ["/data", "/kept"]) assert.equal(await exec("data", ["ls", path]), "one");
    await stage.push({ [fileOf("data")]: null });
    await stage.gone("data");
    assert.deepEqual(readdirSync(folder), ["one"]);
    await mustApi(stage.engine.socket, "GET", "/volumes/kept-volume");
    await stage.push({ [fileOf("data")]: web("data", "1", { more: volumes }) });
    await stage.serves("data", "1");
    for (const path of ["/data", "/kept"]) assert.equal(await exec("data", ["ls", path]), "one");
  });

  it("suspend: hands off, whatever happens, until it is taken out", async () => {
    await stage.push({ [fileOf("data")]: web("data", "3", { more: "suspend: true" }) });
    await stage.agent().state("data", "suspended");
    const [item] = await stage.of("data");
    await mustApi(stage.engine.socket, "POST", `/containers/${item?.Id ?? ""}/stop?t=1`);
    await stage.push({ "README.md": "another pass" });
    await stage.inForce();
    await stage.push({ [fileOf("needs")]: null });
    await stage.gone("needs");
    assert.equal((await stage.of("data"))[0]?.State, "exited");
    await stage.push({ [fileOf("data")]: web("data", "3") });
    await stage.serves("data", "3");
  });
});
