/** Servers that fail in their own ways, told apart and survived (SPEC 3; FAULTS 2, 3, 9, 11). */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { folderBytes } from "../../src/git/sweep.ts";
import { type GitHttp, type GitHttpOptions, startGitHttp } from "../testbed/git-http.ts";
import type { GitRemote } from "../testbed/git-remote.ts";
import { type GitSsh, startGitSsh } from "../testbed/git-ssh.ts";
import {
  failureOf,
  follow,
  forever,
  type Opener,
  opener,
  ownChildren,
  temporaryFolder,
  temporaryRemote,
} from "./git-transports.ts";

interface Bench<S> {
  remote: GitRemote;
  first: string;
  server: S;
  open: Opener & { cloneDir: string };
}

async function httpBench(t: TestContext, options: Partial<GitHttpOptions> = {}): Promise<Bench<GitHttp>> {
  const remote = await temporaryRemote(t);
  const first = await remote.commit({ "nodes/a.yaml": "1" }, "one");
  const server = await startGitHttp({ repository: remote.path, ...options });
  t.after(() => server.stop());
  return { remote, first, server, open: await opener(t, { url: server.url }) };
}

async function sshBench(t: TestContext): Promise<Bench<GitSsh>> {
  const remote = await temporaryRemote(t);
  const first = await remote.commit({ "nodes/a.yaml": "1" }, "one");
  const server = await startGitSsh({ repository: remote.path });
  t.after(() => server.stop());
  const { url, deployKey, knownHosts } = server;
  return { remote, first, server, open: await opener(t, { url, deployKey, knownHosts }) };
}

suite("git over http, failing", () => {
  test("a hanging server is given up at the deadline, by poll and by fetch, with every process", async (t) => {
    const { first, server, open } = await httpBench(t);
    const source = await open({ timeoutMs: 1000 });
    await follow(source);
    server.fault({ kind: "hang" });
    const started = performance.now();
    const polled = await failureOf(source.head(forever()));
    assert.equal(polled.kind, "timeout");
    assert.match(polled.message, /took longer than 1000 ms/);
    assert.equal((await failureOf(source.fetch("1".repeat(40), forever()))).kind, "timeout");
    assert.ok(performance.now() - started < 8000);
    assert.deepEqual(await ownChildren(), []);
    assert.equal((await source.read(first, forever())).files.length, 1, "what is local can be read");
    server.fault(null);
    await follow(source);
  });

  test("waiting for a hanging server ends with the caller's signal", async (t) => {
    const { server, open } = await httpBench(t);
    const source = await open();
    server.fault({ kind: "hang" });
    for (const start of ["head", "fetch"] as const) {
      const controller = new AbortController();
      const { signal } = controller;
      const waiting = failureOf(
        start === "head" ? source.head(signal) : source.fetch("1".repeat(40), signal),
      );
      setTimeout(() => controller.abort(), 100);
      assert.equal((await waiting).kind, "aborted");
    }
    assert.deepEqual(await ownChildren(), []);
  });

  test("connections reset after any number of bytes: an error, then a clean clone", async (t) => {
    const { remote, server, open } = await httpBench(t);
    await remote.commit({ "nodes/noise.yaml": noise(100_000) }, "something to transfer");
    const source = await open();
    const kinds = new Set<string>();
    for (const afterBytes of [0, 1, 4, 40, 400, 2000, 20_000, 60_000]) {
      server.fault({ kind: "reset", afterBytes });
      const error = await failureOf(source.head(forever()).then(() => follow(source)));
      kinds.add(error.kind);
      assert.deepEqual(await ownChildren(), []);
    }
    assert.deepEqual([...kinds], ["unreachable"]);
    server.fault(null);
    assert.deepEqual(Object.keys(await follow(source)), ["nodes/a.yaml", "nodes/noise.yaml"]);
  });

  test("each answer that is no repository has its own kind", async (t) => {
    const { server, open } = await httpBench(t);
    const source = await open();
    const cases = [
      [500, "unreachable"],
      [503, "unreachable"],
      [429, "unreachable"],
      [401, "auth"],
      [403, "auth"],
      [404, "not-found"],
    ] as const;
    for (const [status, kind] of cases) {
      server.fault({ kind: "status", status });
      const polled = await failureOf(source.head(forever()));
      assert.equal(polled.kind, kind, `${status}: ${polled.message}`);
      assert.match(polled.message, new RegExp(`${status}`));
      const fetched = await failureOf(source.fetch("1".repeat(40), forever()));
      assert.equal(fetched.kind, kind, `${status}: ${fetched.message}`);
    }
    server.fault({ kind: "page" });
    const page = await failureOf(source.head(forever()));
    assert.equal(page.kind, "protocol");
    assert.match(page.message, /web page/);
    server.fault(null);
    await follow(source);
  });

  test("a redirect is followed by Git itself", async (t) => {
    const { server, open } = await httpBench(t);
    const other = await httpBench(t);
    const location = `${other.server.url}/info/refs?service=git-upload-pack`;
    server.fault({ kind: "status", status: 301, location });
    assert.deepEqual(await (await open()).head(forever()), { kind: "head", commit: other.first });
  });

  test("credentials of the URL are used, kept out of everything, and never carried to another host", async (t) => {
    const auth = { user: "deploy", password: "s3cret/t@ken" };
    const { first, server, open } = await httpBench(t, { auth });
    const other = await httpBench(t);
    const url = server.url.replace("http://", "http://deploy:s3cret%2Ft%40ken@");
    const spawned: string[] = [];
    const seen = (program: string, args: readonly string[]): void => {
      spawned.push([program, ...args].join(" "));
    };
    const source = await open({ url }, { onSpawn: seen });
    assert.deepEqual(await follow(source), { "nodes/a.yaml": "1" });
    server.setAuth({ user: "deploy", password: "another" });
    const refused = [
      await failureOf(source.head(forever())),
      await failureOf(source.fetch("1".repeat(40), forever())),
    ];
    for (const error of refused) {
      assert.equal(error.kind, "auth", error.message);
      assert.match(error.message, /127\.0\.0\.1/);
    }
    server.fault({
      kind: "status",
      status: 302,
      location: `${other.server.url}/info/refs?service=git-upload-pack`,
    });
    const before = other.server.requests.length;
    await failureOf(source.head(forever()));
    await failureOf(source.fetch("1".repeat(40), forever()));
    assert.equal(other.server.requests.length, before, "the other host saw no request");
    const config = await readFile(join(open.cloneDir, "config"), "utf8");
    const everything = JSON.stringify([
      spawned,
      refused.map((error) => [error.message, String(error.cause)]),
      config,
    ]);
    assert.doesNotMatch(everything, /s3cret|czNjcmV0|ZGVwbG95/);
    assert.equal(await source.has(first, forever()), true);
  });

  test("a certificate that nobody vouches for is refused, one of a trusted authority is not", async (t) => {
    const tls = await certificate(t);
    const { first, server, open } = await httpBench(t, { tls });
    const source = await open();
    const polled = await failureOf(source.head(forever()));
    assert.equal(polled.kind, "host-key", polled.message);
    assert.equal((await failureOf(source.fetch(first, forever()))).kind, "host-key");
    assert.ok(server.requests.length === 0);
    // Node.js reads the variable at its start.
    const script = `
      const { openSource } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/git/source.ts"))});
      const settings = { url: ${JSON.stringify(server.url)}, branch: "main", cloneDir: ${JSON.stringify(`${open.cloneDir}-2`)},
        deployKey: null, knownHosts: null, allowInsecure: false, timeoutMs: 20000 };
      const signal = new AbortController().signal;
      const programs = [];
      const source = await openSource(settings, { onSpawn: (program, args) => programs.push([program, ...args].join(" ")) });
      const { commit } = await source.head(signal);
      const polls = programs.filter((line) => line.includes("ls-remote")).length;
      await source.fetch(commit, signal);
      process.stdout.write(commit + " " + polls);
      await source.close();`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      env: { PATH: process.env["PATH"], NODE_EXTRA_CA_CERTS: tls.file },
    });
    assert.equal(stdout, `${first} 0`);
  });

  test("more than the limit is not taken, and not asked for again until the branch moves", async (t) => {
    const { remote, server, open } = await httpBench(t);
    const huge = await remote.commit({ "assets/film.bin": noise(6 * 1024 * 1024) }, "a film");
    const source = await open({}, { maxFetchBytes: 1024 * 1024 });
    const error = await failureOf(source.fetch(huge, forever()));
    assert.equal(error.kind, "too-large");
    assert.match(error.message, /1 MiB/);
    const requests = server.requests.length;
    assert.equal((await failureOf(source.fetch(huge, forever()))).kind, "too-large");
    assert.equal(server.requests.length, requests);
    await remote.commit({ "nodes/a.yaml": "2" }, "without it", { parent: null });
    await remote.git(["gc", "--quiet", "--prune=now"]);
    assert.deepEqual(await follow(source), { "nodes/a.yaml": "2" });
    assert.ok((await folderBytes(open.cloneDir)) < 1024 * 1024);
  });
});

suite("git over ssh, failing", () => {
  test("a hanging connection is given up at the deadline, with every process, and made anew", async (t) => {
    const { first, server, open } = await sshBench(t);
    const source = await open({ timeoutMs: 2000 });
    await follow(source);
    await server.pause();
    const polled = await failureOf(source.head(forever()));
    assert.equal(polled.kind, "timeout", polled.message);
    const fetched = await failureOf(source.fetch("1".repeat(40), forever()));
    assert.ok(["timeout", "unreachable"].includes(fetched.kind), fetched.message);
    assert.deepEqual(await ownChildren(), []);
    assert.equal((await source.read(first, forever())).files.length, 1, "what is local can be read");
    await server.resume();
    await follow(source);
  });

  test("a connection that is dropped before or during a poll is made anew, and nobody notices", async (t) => {
    const { first, server, open } = await sshBench(t);
    const source = await open();
    await follow(source);
    await server.dropConnections();
    assert.deepEqual(await source.head(forever()), { kind: "head", commit: first });
    for (let n = 0; n < 8; n += 1) {
      const [head] = await Promise.all([source.head(forever()), server.dropConnections()]);
      assert.deepEqual(head, { kind: "head", commit: first });
      await source.head(forever());
    }
  });

  test("a key that is refused, at the start or later, is told", async (t) => {
    const { server, open } = await sshBench(t);
    const stranger = await open({ deployKey: server.otherKey });
    assert.equal((await failureOf(stranger.head(forever()))).kind, "auth");
    assert.equal((await failureOf(stranger.fetch("1".repeat(40), forever()))).kind, "auth");
    await stranger.close();
    const source = await open();
    await follow(source);
    await server.revokeKeys();
    const error = await failureOf(source.head(forever()));
    assert.equal(error.kind, "auth", error.message);
    assert.match(error.message, /deploy key/);
  });

  test("an unknown or changed host key is refused, and told apart from a refused key", async (t) => {
    const { server, open } = await sshBench(t);
    const empty = join(await temporaryFolder(t), "known_hosts");
    await writeFile(empty, "");
    const careful = await open({ knownHosts: empty });
    assert.equal((await failureOf(careful.head(forever()))).kind, "host-key");
    assert.equal(await readFile(empty, "utf8"), "", "nothing is accepted on first sight");
    await careful.close();
    const source = await open();
    await follow(source);
    await server.restart({ newHostKey: true });
    const error = await failureOf(source.head(forever()));
    assert.equal(error.kind, "host-key", error.message);
    assert.equal((await failureOf(source.fetch("1".repeat(40), forever()))).kind, "host-key");
  });

  test("a path too long for a socket is no obstacle", async (t) => {
    const { first, open } = await sshBench(t);
    const source = await open({ cloneDir: join(open.cloneDir, "x".repeat(120), "clone") });
    assert.deepEqual(await source.head(forever()), { kind: "head", commit: first });
    await follow(source);
  });

  test("polls share one connection", async (t) => {
    const { first, server, open } = await sshBench(t);
    const source = await open();
    for (let n = 0; n < 5; n += 1)
      assert.deepEqual(await source.head(forever()), { kind: "head", commit: first });
    await follow(source);
    assert.equal((await server.log()).split("Accepted publickey").length - 1, 1);
  });
});

/** Bytes that do not compress, as text of a YAML comment. */
function noise(bytes: number): string {
  let seed = 1;
  let text = "# ";
  while (text.length < bytes) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    text += seed.toString(36);
  }
  return text;
}

/** A certificate for 127.0.0.1, signed by itself. */
async function certificate(t: TestContext): Promise<{ key: string; cert: string; file: string }> {
  const folder = await temporaryFolder(t);
  const [keyFile, file] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await promisify(execFile)("openssl", ["req", ...kind, ...subject, "-keyout", keyFile, "-out", file]);
  return { key: await readFile(keyFile, "utf8"), cert: await readFile(file, "utf8"), file };
}
