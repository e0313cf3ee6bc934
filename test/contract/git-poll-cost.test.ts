/** What a poll that finds nothing new costs: counted, not timed (SPEC 3, "Nothing changed means nothing done"). */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startGitHttp } from "../testbed/git-http.ts";
import { startGitSsh } from "../testbed/git-ssh.ts";
import { follow, forever, opener, temporaryRemote } from "./git-transports.ts";

const polls = 20;

suite("a poll without news", () => {
  test("over http: no subprocess, one request, one connection for all", async (t) => {
    const remote = await temporaryRemote(t);
    const commit = await remote.commit({ "nodes/a.yaml": "1" }, "one");
    const server = await startGitHttp({ repository: remote.path });
    t.after(() => server.stop());
    const spawned: string[] = [];
    const open = await opener(t, { url: server.url });
    const source = await open({}, { onSpawn: (program) => spawned.push(program) });
    await follow(source);
    const [requests, connections] = [server.requests.length, server.connections()];
    spawned.length = 0;
    for (let n = 0; n < polls; n += 1)
      assert.deepEqual(await source.head(forever()), { kind: "head", commit });
    assert.deepEqual(spawned, []);
    assert.deepEqual(server.requests.slice(requests), Array(polls).fill("POST /infra.git/git-upload-pack"));
    assert.ok(server.connections() - connections <= 1);
  });

  test("over http, protocol 0: no subprocess, one request", async (t) => {
    const remote = await temporaryRemote(t);
    const commit = await remote.commit({ "nodes/a.yaml": "1" }, "one");
    const server = await startGitHttp({ repository: remote.path, protocolV2: false });
    t.after(() => server.stop());
    const spawned: string[] = [];
    const open = await opener(t, { url: server.url });
    const source = await open({}, { onSpawn: (program) => spawned.push(program) });
    await source.head(forever());
    spawned.length = 0;
    server.requests.length = 0;
    for (let n = 0; n < polls; n += 1)
      assert.deepEqual(await source.head(forever()), { kind: "head", commit });
    assert.deepEqual(spawned, []);
    assert.equal(server.requests.length, polls);
  });

  test("over ssh: one channel each on one connection", async (t) => {
    const remote = await temporaryRemote(t);
    const commit = await remote.commit({ "nodes/a.yaml": "1" }, "one");
    const server = await startGitSsh({ repository: remote.path });
    t.after(() => server.stop());
    const { url, deployKey, knownHosts } = server;
    const spawned: string[] = [];
    const open = await opener(t, { url, deployKey, knownHosts });
    const source = await open({}, { onSpawn: (program) => spawned.push(program) });
    await source.head(forever());
    spawned.length = 0;
    for (let n = 0; n < polls; n += 1)
      assert.deepEqual(await source.head(forever()), { kind: "head", commit });
    assert.equal(spawned.length, polls);
    assert.equal((await server.log()).split("Accepted publickey").length - 1, 1);
  });

  test("on a local path: no subprocess, also for packed refs, and Git itself where files do not tell", async (t) => {
    const remote = await temporaryRemote(t);
    const commit = await remote.commit({ "nodes/a.yaml": "1" }, "one");
    const spawned: string[] = [];
    const open = await opener(t, { url: remote.path });
    const source = await open({}, { onSpawn: (_program, args) => spawned.push(args.join(" ")) });
    spawned.length = 0;
    await source.head(forever());
    await remote.git(["pack-refs", "--all", "--prune"]);
    assert.deepEqual(await source.head(forever()), { kind: "head", commit });
    assert.deepEqual(spawned, []);
    await remote.git(["update-ref", "refs/heads/real", commit]);
    await remote.git(["symbolic-ref", "refs/heads/main", "refs/heads/real"]);
    assert.deepEqual(await source.head(forever()), { kind: "head", commit });
    assert.match(spawned.join("\n"), /^[^\n]* ls-remote [^\n]*$/);
  });

  test("reading the same commit again reads no file again", async (t) => {
    const remote = await temporaryRemote(t);
    const commit = await remote.commit({ "nodes/a.yaml": "1" }, "one");
    const open = await opener(t, { url: remote.path });
    const source = await open();
    await follow(source);
    const [first, second] = [await source.read(commit, forever()), await source.read(commit, forever())];
    assert.deepEqual(first, second);
  });
});
