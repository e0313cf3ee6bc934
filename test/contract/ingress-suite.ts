/** What the agent expects of an ingress, shown on a real Caddy. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import type { Ingress, RouteReport } from "../../src/agent/ingress-port.ts";
import type { IngressSettings, Route } from "../../src/state/route.ts";
import { fetchText } from "../testbed/agent.ts";
import { caddyImage, type CaddyVersion } from "../testbed/caddy.ts";
import { startDockerd, type Dockerd } from "../testbed/dockerd.ts";
import { api, mustApi } from "../testbed/engine-api.ts";
import { freePort } from "../testbed/free-port.ts";
import { loadsOf, startUpstream, testIngress, type Upstream } from "../testbed/ingress.ts";
import { demoImage } from "../testbed/images.ts";
import { until } from "../testbed/wait.ts";
import { openWebSocket } from "../testbed/websocket.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

const IMAGE = "caddy:test";
const stateShape = z.object({
  Id: z.string(),
  State: z.object({ StartedAt: z.string(), Pid: z.number() }),
});

export function ingressSuite(version: CaddyVersion): void {
  describe(`the ingress on Caddy ${version}`, () => {
    let engine: Dockerd;
    let folder: string;
    let ingress: Ingress;
    let one: Upstream;
    let two: Upstream;
    let settings: IngressSettings;
    const never = new AbortController().signal;

    const route = (service: string, more: Partial<Route> = {}): Route => ({
      service,
      environment: "production",
      deployment: service,
      host: `${service}.example.test`,
      ssl: false,
      port: 80,
      ...more,
    });
    const ensure = (...routes: Route[]): Promise<readonly RouteReport[]> =>
      ingress.ensure(settings, routes, never);
    const get = (host: string, path = "/"): Promise<{ status: number; body: string }> =>
      fetchText(settings.httpPort, path, { host });
    const socket = (): string => join(folder, "production", "ingress", "admin", "admin.sock");
    const admin = async (method: string, path: string, body?: unknown): Promise<string> =>
      (await api(socket(), method, path, body, "application/json", { host: "orun" })).body;
    /** Looks again and again, as the agent does, until a host name is answered as expected. */
    const heals = async (host: string, body: string): Promise<void> => {
      await until(
        `${host} is served again`,
        async () => {
          await ensure(route("a"), route("b")).catch(() => null);
          return (await get(host).catch(() => null))?.body === body;
        },
        60_000,
      );
    };

    before(async () => {
      engine = await startDockerd();
      await caddyImage(engine.socket, IMAGE, version);
      folder = mkdtempSync(join(tmpdir(), "orun-ingress-"));
      [one, two] = await Promise.all([startUpstream("1"), startUpstream("2")]);
      settings = {
        image: IMAGE,
        httpPort: await freePort(),
        httpsPort: await freePort(),
        acme: { email: null, ca: null, caRoot: null },
      };
      ingress = testIngress(engine.socket, folder, "production");
    });

    after(async () => {
      ingress.close();
      one.end();
      two.end();
      await engine.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    it("does not exist before the first Service", async () => {
      assert.deepEqual(await ensure(), []);
      assert.equal((await api(engine.socket, "GET", "/containers/orun-ingress/json")).status, 404);
      assert.deepEqual(await ingress.directed(never), new Map());
    });

    it("names the stranger that has its port, and starts once that is gone", async () => {
      const stranger = createServer();
      await new Promise<void>((resolve) => stranger.listen(settings.httpPort, "127.0.0.1", resolve));
      await assert.rejects(
        ensure(route("a")),
        /port \d+ of the ingress is taken by process '.+' \(pid \d+\)/,
      );
      await new Promise((resolve) => stranger.close(resolve));
      assert.deepEqual(
        (await ensure(route("a"))).map(({ service, state }) => ({ service, state })),
        [{ service: "a", state: "active" }],
      );
    });

    it("answers 503 before anything is ready, 404 to names that nobody has", async () => {
      assert.equal((await get("a.example.test")).status, 503);
      assert.equal((await get("nobody.example.test")).status, 404);
    });

    it("sends requests where it is told, at once and without a load", async () => {
      await ensure(route("a"), route("b"));
      const loads = await loadsOf(engine.socket);
      await ingress.direct("b", [one.address], never);
      for (let turn = 0; turn < 20; turn++) {
        const [to, body] = turn % 2 === 0 ? [one, "version 1"] : [two, "version 2"];
        await ingress.direct("a", [to.address], never);
        assert.equal((await get("a.example.test")).body, body);
      }
      await ingress.direct("a", [one.address, two.address], never);
      const answers = new Set<string>();
      await until("both answer", async () => {
        answers.add((await get("a.example.test")).body);
        return answers.size === 2;
      });
      await ingress.direct("a", [], never);
      assert.equal((await get("a.example.test")).status, 503);
      assert.deepEqual(
        await ingress.directed(never),
        new Map([
          ["a", []],
          ["b", [one.address]],
        ]),
      );
      await ingress.direct("a", [one.address], never);
      assert.equal((await get("a.example.test")).body, "version 1");
      assert.equal(await loadsOf(engine.socket), loads);
    });

    it("goes on to another container when one does not answer", async () => {
      const nobody = `127.0.0.1:${String(await freePort())}`;
      await ingress.direct("a", [nobody, one.address], never);
      for (let turn = 0; turn < 20; turn++) assert.equal((await get("a.example.test")).body, "version 1");
      await ingress.direct("a", [one.address], never);
    });

    it("spreads requests over more containers than fit into one name", async () => {
      const port = one.address.split(":")[1] ?? "";
      const many = Array.from({ length: 24 }, (_, index) => `127.0.0.${String(index + 1)}:${port}`).sort();
      await ingress.direct("a", many, never);
      assert.deepEqual((await ingress.directed(never)).get("a"), many);
      const used = new Set<string>();
      await until("more than a name holds get requests", async () => {
        for (let turn = 0; turn < 40; turn++) assert.equal((await get("a.example.test")).body, "version 1");
        for (const address of many) if ((await ingress.connections(address, never)) > 0) used.add(address);
        return used.size > 12;
      });
      await ingress.direct("a", [one.address], never);
      for (let turn = 0; turn < 20; turn++) assert.equal((await get("a.example.test")).body, "version 1");
    });

    it("gives applications the headers that they expect, and none that a client made up", async () => {
      const { body } = await fetchText(settings.httpPort, "/headers", {
        host: "a.example.test",
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "https",
      });
      const headers = z.record(z.string(), z.string()).parse(JSON.parse(body));
      assert.equal(headers["host"], "a.example.test");
      assert.equal(headers["x-forwarded-for"], "127.0.0.1");
      assert.equal(headers["x-forwarded-proto"], "http");
      assert.equal(headers["x-forwarded-host"], "a.example.test");
    });

    it("passes large bodies, streams and WebSockets on", async () => {
      const sent = Buffer.alloc(8 * 1024 * 1024, "x");
      assert.equal(await echo(settings.httpPort, "a.example.test", sent), sent.length);
      const begun = await firstChunk(settings.httpPort, "a.example.test", "/stream?ms=200");
      assert.equal(begun, "0\n");
      const chat = await openWebSocket(settings.httpPort, "a.example.test");
      assert.match(await chat.ask("hello"), /hello/);
      // Directing elsewhere, and other Services' releases, leave it alone.
      await ingress.direct("a", [two.address], never);
      await ingress.direct("b", [two.address], never);
      assert.match(await chat.ask("still there"), /still there/);
      await until(
        "the connection is counted",
        async () => (await ingress.connections(one.address, never)) > 0,
      );
      chat.close();
      await until("nothing is left", async () => (await ingress.connections(one.address, never)) === 0);
      await ingress.direct("a", [one.address], never);
    });

    it("changes nothing when nothing changed, whoever asks", async () => {
      const loads = await loadsOf(engine.socket);
      const container = async (): Promise<unknown> =>
        stateShape.parse(JSON.parse(await mustApi(engine.socket, "GET", "/containers/orun-ingress/json")));
      const seen = await container();
      for (let turn = 0; turn < 3; turn++) await ensure(route("b"), route("a"));
      ingress.close();
      ingress = testIngress(engine.socket, folder, "production");
      await ensure(route("a"), route("b"));
      assert.equal(await loadsOf(engine.socket), loads);
      assert.deepEqual(await container(), seen);
    });

    it("lets nobody but root speak to Caddy", () => {
      assert.equal(statSync(socket()).mode & 0o777, 0o600);
      assert.equal(statSync(join(socket(), "..")).mode & 0o777, 0o700);
    });

    it("comes back when it is killed, stopped, removed or paused", async () => {
      await api(engine.socket, "POST", "/containers/orun-ingress/kill");
      await heals("a.example.test", "version 1");
      await api(engine.socket, "POST", "/containers/orun-ingress/stop?t=1");
      await heals("a.example.test", "version 1");
      await api(engine.socket, "DELETE", "/containers/orun-ingress?force=true");
      await heals("a.example.test", "version 1");
      await api(engine.socket, "POST", "/containers/orun-ingress/pause");
      await heals("b.example.test", "version 2");
    });

    it("puts a configuration right that was edited or wiped by hand", async () => {
      await admin("DELETE", "/config/apps/http/servers/http/routes/0");
      await heals("a.example.test", "version 1");
      const { body } = await api(
        socket(),
        "POST",
        "/load",
        { admin: { origins: ["orun"], listen: "unix//orun/admin/admin.sock" } },
        "application/json",
        { host: "orun" },
      );
      assert.equal(body, "");
      await heals("a.example.test", "version 1");
      await admin("DELETE", "/config/");
      await heals("a.example.test", "version 1");
    });

    it("serves the same after the engine was restarted without any agent", async () => {
      await engine.restart();
      await until(
        "a is served",
        async () => (await get("a.example.test").catch(() => null))?.body === "version 1",
        60_000,
      );
      const loads = await loadsOf(engine.socket);
      await ensure(route("a"), route("b"));
      assert.equal(await loadsOf(engine.socket), loads);
    });

    it("serves several environments, and leaves a host name to who had it first", async () => {
      const other = testIngress(engine.socket, folder, "feature");
      const theirs = (service: string, host: string): Route =>
        route(service, { environment: "feature", host });
      const wanted = [theirs("a", "a.feature.example.test"), theirs("thief", "b.example.test")];
      const reports = await other.ensure({ ...settings, httpPort: 1 }, wanted, never);
      assert.deepEqual(
        reports.map(({ service, state }) => ({ service, state })),
        [
          { service: "a", state: "active" },
          { service: "thief", state: "held" },
        ],
      );
      assert.match(
        reports[1]?.message ?? "",
        /b\.example\.test belongs to service 'b' of environment 'production'/,
      );
      await other.direct("a", [two.address], never);
      await other.direct("thief", [one.address], never);
      assert.equal((await get("a.feature.example.test")).body, "version 2");
      assert.equal((await get("a.example.test")).body, "version 1");
      assert.equal((await get("b.example.test")).body, "version 2");
      await ensure(route("a"));
      assert.equal((await other.ensure(settings, wanted, never))[1]?.state, "active");
      assert.equal((await get("b.example.test")).body, "version 1");
      await other.ensure(settings, [], never);
      assert.equal((await get("a.feature.example.test")).status, 404);
      other.close();
      await ensure(route("a"), route("b"));
      await ingress.direct("b", [two.address], never);
    });

    it("is made anew from another image, and goes on with the old one when that is no good", async () => {
      const old = settings;
      await demoImage(engine.socket, { tag: "no-caddy:1" });
      settings = { ...old, image: "no-caddy:1" };
      await assert.rejects(ensure(route("a"), route("b")), /executable file not found/);
      assert.equal((await get("a.example.test")).body, "version 1");
      settings = { ...old, image: "127.0.0.1:9/caddy:1" };
      await assert.rejects(ensure(route("a"), route("b")), /pull of 127\.0\.0\.1:9/);
      assert.equal((await get("a.example.test")).body, "version 1");
      await mustApi(engine.socket, "POST", `/images/${IMAGE}/tag?repo=caddy&tag=another`);
      settings = { ...old, image: "caddy:another" };
      await ensure(route("a"), route("b"));
      assert.equal((await get("a.example.test")).body, "version 1");
      const all = await mustApi(engine.socket, "GET", "/containers/json?all=true");
      assert.equal(all.split('"/orun-ingress').length - 1, 1, all);
      settings = old;
      await ensure(route("a"), route("b"));
    });

    it("moves to other ports, and stays where it is while a stranger has them", async () => {
      const old = settings;
      const stranger = createServer();
      await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
      const address = stranger.address();
      const taken = typeof address === "object" && address !== null ? address.port : 0;
      const wanted = [route("a"), route("b"), route("c", { host: "c.example.test" })];
      await assert.rejects(
        ingress.ensure({ ...old, httpPort: taken }, wanted, never),
        /the last good ones stay: port \d+ of the ingress is taken/,
      );
      assert.equal((await get("a.example.test")).body, "version 1");
      assert.equal((await get("c.example.test")).status, 503, "new routes go on");
      await new Promise((resolve) => stranger.close(resolve));
      settings = { ...old, httpPort: taken };
      await ensure(route("a"), route("b"));
      assert.equal((await get("a.example.test")).body, "version 1");
      settings = old;
      await ensure(route("a"), route("b"));
      assert.equal((await get("a.example.test")).body, "version 1");
    });

    if (version !== "2.6") {
      it("keeps WebSockets through a load", async () => {
        const chat = await openWebSocket(settings.httpPort, "a.example.test");
        const loads = await loadsOf(engine.socket);
        await ensure(route("a"), route("b"), route("c"));
        await ensure(route("a"), route("b"));
        assert.equal(await loadsOf(engine.socket), loads + 2);
        assert.match(await chat.ask("still there"), /still there/);
        chat.close();
      });
    }

    it("tells its own metrics", async () => {
      await get("a.example.test");
      const text = (await ingress.metrics(never)) ?? "";
      assert.ok(text.includes("caddy_http_requests_total{"), String(text.match(/^caddy_\w+/gm)));
    });

    it("forgets a Service that is gone", async () => {
      await ensure(route("a"));
      assert.equal((await get("b.example.test")).status, 404);
      assert.equal((await get("a.example.test")).body, "version 1");
      assert.deepEqual([...(await ingress.directed(never)).keys()], ["a"]);
    });
  });
}

/** How many bytes of a posted body come back. */
function echo(port: number, host: string, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port,
        path: "/echo",
        method: "POST",
        headers: { host, "content-length": body.length },
      },
      (response) => {
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
        });
        response.once("end", () => resolve(size));
      },
    );
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

/** The first piece of an answer, as soon as it comes. */
function firstChunk(port: number, host: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, headers: { host } }, (response) => {
      response.once("data", (chunk: Buffer) => {
        resolve(chunk.toString("utf8"));
        outgoing.destroy();
      });
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
