/** Certificates from a real ACME server, over both kinds of proof, served and shown. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { request as secureRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect, type PeerCertificate } from "node:tls";
import { fetchText, runAgent, type RunningAgent, type SeenStatus } from "../testbed/agent.ts";
import { caddyImage } from "../testbed/caddy.ts";
import { startDockerd, type Dockerd } from "../testbed/dockerd.ts";
import { freePort } from "../testbed/free-port.ts";
import { createGitRemote, type GitRemote } from "../testbed/git-remote.ts";
import { demoImage } from "../testbed/images.ts";
import { loadsOf } from "../testbed/ingress.ts";
import { startAcmeServer, type AcmeServer } from "../testbed/pebble.ts";
import { until } from "../testbed/wait.ts";

const document = (kind: string, name: string, spec: string): string =>
  `apiVersion: run.orcra.dev/v0alpha\nkind: ${kind}\nmetadata: {name: ${name}}\nspec:\n${spec
    .trim()
    .split("\n")
    .map((line) => `  ${line}\n`)
    .join("")}`;

type Seen = SeenStatus["services"][string];
interface Certified extends Seen {
  certificate: NonNullable<Seen["certificate"]>;
}

const service = (name: string): string =>
  document("Service", name, `deployment: app\ningress: {ssl: true, domain: {default: ${name}.example.test}}`);

describe("a Service with ssl", () => {
  let engine: Dockerd;
  let remote: GitRemote;
  let agent: RunningAgent;
  let folder: string;
  let overHttp: AcmeServer;
  let overTls: AcmeServer;
  let port = 0;
  let ports = { httpPort: 0, httpsPort: 0 };

  const node = (acme: AcmeServer): string =>
    document(
      "Node",
      "test",
      `host: localhost\ngitRepo: ${remote.path}\ningress:\n  image: "caddy:test"\n  httpPort: ${String(ports.httpPort)}\n  httpsPort: ${String(ports.httpsPort)}\n  acme: {email: ops@example.test, ca: "${acme.directory}", caRoot: ${acme.caRoot}}`,
    );
  const certified = (name: string): Promise<Certified> =>
    until(
      `${name} has its certificate`,
      async () => {
        const seen = (await agent.status().catch(() => null))?.services[name];
        return seen === undefined || seen.certificate === null
          ? null
          : { ...seen, certificate: seen.certificate };
      },
      90_000,
    ).catch((cause: unknown) => {
      throw new Error(`the agent's log: ${agent.output().slice(-3000)}`, { cause });
    });

  before(async () => {
    engine = await startDockerd();
    await Promise.all([
      caddyImage(engine.socket, "caddy:test", "2.11"),
      demoImage(engine.socket, { tag: "demo:1" }),
    ]);
    remote = await createGitRemote();
    folder = mkdtempSync(join(tmpdir(), "orun-acme-"));
    port = await freePort();
    ports = { httpPort: await freePort(), httpsPort: await freePort() };
    const [one, two] = [mkdtempSync(join(folder, "a")), mkdtempSync(join(folder, "b"))];
    const nobody = await freePort();
    overHttp = await startAcmeServer(one, { ...ports, httpsPort: nobody });
    overTls = await startAcmeServer(two, { ...ports, httpPort: nobody });
    agent = runAgent({ repo: remote.path, socket: engine.socket, dataDir: join(folder, "data"), port });
  });

  after(async () => {
    await agent.end("SIGTERM");
    await Promise.all([overHttp.end(), overTls.end()]);
    await engine.stop();
    await remote.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it("gets a certificate over HTTP-01, serves it, and shows issuer and expiry; one that fails hurts no other", async () => {
    await overHttp.forget("broken.example.test");
    await remote.commit(
      {
        "nodes/test.yaml": node(overHttp),
        "deployments/app.yaml": document(
          "Deployment",
          "app",
          `image: demo:1\nimagePullPolicy: IfNotPresent\nports: [{containerPort: 80}]\nhealth: {readiness: {http: "localhost:80/health"}}`,
        ),
        "services/broken.yaml": service("broken"),
        "services/a.yaml": service("a"),
      },
      "certificates",
    );
    const { certificate, state } = await certified("a");
    assert.equal(state, "active");
    assert.match(certificate.issuer, /Pebble/);
    const root = await overHttp.issuedRoot();
    const served = await peer(ports.httpsPort, "a.example.test", root);
    assert.equal(Date.parse(served.valid_to), Date.parse(certificate.expires));
    assert.deepEqual(await getSecurely(ports.httpsPort, "a.example.test", root), {
      status: 200,
      body: "version 1",
    });
    const { services } = await agent.status();
    assert.equal(services["broken"]?.certificate, null);
    assert.match(services["broken"].message, /the certificate for broken\.example\.test is not there yet/);
  });

  it("redirects from HTTP, with the port that HTTPS has here", async () => {
    const { status, location } = await locationOf(ports.httpPort, "/path?query=1", "a.example.test");
    assert.equal(status, 308);
    assert.equal(location, `https://a.example.test:${String(ports.httpsPort)}/path?query=1`);
  });

  it("gets one over TLS-ALPN-01 from another authority, and keeps what it has through a change of settings", async () => {
    await remote.commit(
      { "nodes/test.yaml": node(overTls), "services/b.yaml": service("b"), "services/broken.yaml": null },
      "another authority",
    );
    await certified("b");
    const root = await overTls.issuedRoot();
    assert.match(String((await peer(ports.httpsPort, "b.example.test", root)).issuer.CN), /Pebble/);
    assert.deepEqual(await getSecurely(ports.httpsPort, "b.example.test", root), {
      status: 200,
      body: "version 1",
    });
  });

  it("loads nothing when a certificate arrives, and says in the metrics when it expires", async () => {
    const loads = await loadsOf(engine.socket);
    await agent.state("app", "running");
    const { body } = await fetchText(port, "/metrics");
    assert.match(
      body,
      /orun_certificate_expiry_timestamp_seconds\{service="b",domain="b\.example\.test"\} \d{10}/,
    );
    assert.equal(await loadsOf(engine.socket), loads);
  });
});

/** The certificate that is served for a name; throws unless it leads to `root`. */
function peer(port: number, servername: string, root: string): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername, ca: root }, () => {
      resolve(socket.getPeerCertificate());
      socket.end();
    });
    socket.once("error", reject);
  });
}

function getSecurely(port: number, host: string, root: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = secureRequest(
      { host: "127.0.0.1", port, servername: host, headers: { host }, ca: root, agent: false },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.once("end", () => resolve({ status: response.statusCode ?? 0, body: body.trim() }));
      },
    );
    outgoing.once("error", reject);
    outgoing.end();
  });
}

function locationOf(
  port: number,
  path: string,
  host: string,
): Promise<{ status: number; location: string | null }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: "127.0.0.1", port, path, headers: { host }, agent: false },
      (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? null });
      },
    );
    outgoing.once("error", reject);
    outgoing.end();
  });
}
