/** From a push to an answer under a host name: the agent, its engine and its Caddy together. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fetchText, runAgent, type RunningAgent, type SeenStatus } from "../testbed/agent.ts";
import { caddyImage } from "../testbed/caddy.ts";
import { startDockerd, type Dockerd } from "../testbed/dockerd.ts";
import { api } from "../testbed/engine-api.ts";
import { freePort } from "../testbed/free-port.ts";
import { createGitRemote, type GitRemote } from "../testbed/git-remote.ts";
import { demoImage } from "../testbed/images.ts";
import { loadsOf } from "../testbed/ingress.ts";
import { until } from "../testbed/wait.ts";

const document = (kind: string, name: string, spec: string): string =>
  `apiVersion: run.orcra.dev/v0alpha\nkind: ${kind}\nmetadata: {name: ${name}}\nspec:\n${spec
    .trim()
    .split("\n")
    .map((line) => `  ${line}\n`)
    .join("")}`;

const web = (name: string, version: string, more = ""): string =>
  document(
    "Deployment",
    name,
    `image: demo:1\nimagePullPolicy: IfNotPresent\nstopGracePeriod: 2s\nports: [{containerPort: 80}]\nhealth: {readiness: {http: "localhost:80/health"}}\nenv: {VERSION: "${version}"}\n${more}`,
  );

const service = (name: string, deployment: string, host: string, more = ""): string =>
  document("Service", name, `deployment: ${deployment}\ningress:\n  domain: {default: ${host}}\n${more}`);

describe("a Service of a running agent", () => {
  let engine: Dockerd;
  let remote: GitRemote;
  let agent: RunningAgent;
  let dataDir: string;
  let port = 0;
  let httpPort = 0;

  const node = (http: number): string =>
    document(
      "Node",
      "test",
      `host: localhost\ngitRepo: ${remote.path}\ningress: {image: "caddy:test", httpPort: ${String(http)}, httpsPort: ${String(http + 1)}}`,
    );
  const launch = (): RunningAgent => runAgent({ repo: remote.path, socket: engine.socket, dataDir, port });
  const get = (host: string): Promise<{ status: number; body: string }> =>
    fetchText(httpPort, "/", { host }).catch((error: unknown) => ({ status: 0, body: String(error) }));
  const answers = async (host: string, status: number, body?: string): Promise<void> => {
    let seen = {};
    await until(
      `${host} answers ${String(status)} ${body ?? ""}`,
      async () => {
        const answer = await get(host);
        seen = answer;
        return answer.status === status && (body === undefined || answer.body.trim() === body);
      },
      60_000,
    ).catch((cause: unknown) => {
      throw new Error(`last answer ${JSON.stringify(seen)}; log: ${agent.output().slice(-3000)}`, { cause });
    });
  };
  const shown = async (name: string): Promise<SeenStatus["services"][string] | undefined> =>
    (await agent.status()).services[name];
  const is = (name: string, state: string): Promise<SeenStatus["services"][string]> =>
    until(`service ${name} is ${state}`, async () => {
      const seen = await shown(name).catch(() => undefined);
      return seen?.state === state ? seen : null;
    });

  before(async () => {
    engine = await startDockerd();
    await Promise.all([
      caddyImage(engine.socket, "caddy:test", "2.11"),
      demoImage(engine.socket, { tag: "demo:1" }),
    ]);
    remote = await createGitRemote();
    dataDir = mkdtempSync(join(tmpdir(), "orun-data-"));
    port = await freePort();
    httpPort = await freePort();
    agent = launch();
  });

  after(async () => {
    await agent.end("SIGTERM");
    await engine.stop();
    await remote.remove();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("is answered by its host name, from the container's own address", async () => {
    await remote.commit(
      {
        "nodes/test.yaml": node(httpPort),
        "deployments/hello.yaml": web("hello", "1"),
        "services/hello.yaml": service("hello", "hello", "hello.example.test"),
      },
      "first deploy",
    );
    await answers("hello.example.test", 200, "version 1");
    await answers("nobody.example.test", 404);
    const seen = await is("hello", "active");
    assert.equal(seen.domain, "hello.example.test");
    const deployment = await agent.state("hello", "running");
    assert.deepEqual(seen.upstreams, [`${String(deployment.containers[0]?.address)}:80`]);
  });

  it("takes a release over without a load", async () => {
    const loads = await loadsOf(engine.socket);
    await remote.commit({ "deployments/hello.yaml": web("hello", "2") }, "version 2");
    await answers("hello.example.test", 200, "version 2");
    await until(
      "the old one is gone",
      async () => (await agent.state("hello", "running")).containers.length === 1,
    );
    await remote.commit({ "deployments/hello.yaml": web("hello", "2", "replicas: 2") }, "two of them");
    await until("both get requests", async () => (await shown("hello"))?.upstreams.length === 2);
    assert.equal(await loadsOf(engine.socket), loads);
  });

  it("shows itself in the metrics, with the ingress's own", async () => {
    const { body } = await fetchText(port, "/metrics");
    assert.ok(body.includes('orun_service_state{service="hello",state="active"} 1'), body);
    assert.ok(body.includes("orun_ingress_ok 1"));
    assert.ok(body.includes("caddy_http_requests_total{"));
    const names = body.match(/^# TYPE \S+/gm) ?? [];
    assert.equal(new Set(names).size, names.length, "every family once");
  });

  it("goes on without its agent, through a restart of the engine too, and loads nothing when the agent is back", async () => {
    await agent.end("SIGKILL");
    await answers("hello.example.test", 200, "version 2");
    await engine.restart();
    await answers("hello.example.test", 200, "version 2");
    const loads = await loadsOf(engine.socket);
    agent = launch();
    await is("hello", "active");
    await agent.state("hello", "running");
    await answers("hello.example.test", 200, "version 2");
    assert.equal(await loadsOf(engine.socket), loads);
  });

  it("does not get the host name of an older one", async () => {
    await remote.commit(
      {
        "deployments/other.yaml": web("other", "9"),
        "services/other.yaml": service("other", "other", "other.example.test"),
        "services/thief.yaml": service("thief", "other", "hello.example.test"),
      },
      "a conflict",
    );
    assert.match((await is("thief", "held")).message, /hello\.example\.test belongs to service 'hello'/);
    await answers("other.example.test", 200, "version 9");
    await answers("hello.example.test", 200, "version 2");
  });

  it("leaves all others be when the ingress refuses it", async () => {
    await remote.commit(
      {
        "services/thief.yaml": null,
        "services/bad.yaml": service("bad", "other", "xn--0.example.test"),
        "services/good.yaml": service("good", "other", "good.example.test"),
      },
      "a host name that is none",
    );
    await answers("good.example.test", 200, "version 9");
    assert.match((await is("bad", "rejected")).message, /the ingress refuses it/);
    await answers("hello.example.test", 200, "version 2");
    await remote.commit({ "services/bad.yaml": null, "services/good.yaml": null }, "without it");
    await answers("good.example.test", 404);
  });

  it("never takes a stranger's port, and says whose it is", async () => {
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    const address = stranger.address();
    const taken = typeof address === "object" && address !== null ? address.port : 0;
    await remote.commit({ "nodes/test.yaml": node(taken) }, "a taken port");
    const error = await until("it is in the status", async () => (await agent.status()).node.ingress_error);
    assert.match(error, new RegExp(`port ${String(taken)} of the ingress is taken by process`));
    await answers("hello.example.test", 200, "version 2");
    await remote.commit({ "nodes/test.yaml": node(httpPort) }, "back");
    await until("the error is gone", async () => (await agent.status()).node.ingress_error === null);
    await new Promise((resolve) => stranger.close(resolve));
  });

  it("is put right when somebody removes the ingress, and gone when its manifest is", async () => {
    await api(engine.socket, "DELETE", "/containers/orun-ingress?force=true");
    await answers("hello.example.test", 200, "version 2");
    await remote.commit({ "services/other.yaml": null }, "no other");
    await answers("other.example.test", 404);
    await answers("hello.example.test", 200, "version 2");
    assert.equal(await shown("other"), undefined);
  });
});
