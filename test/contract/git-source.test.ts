/** The source over every transport, against real servers (SPEC 3; FAULTS 1 to 10). */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import type { GitRemote } from "../testbed/git-remote.ts";
import {
  failureOf,
  follow,
  forever,
  type Opener,
  opener,
  ownChildren,
  type Server,
  type Transport,
  temporaryRemote,
  transports,
} from "./git-transports.ts";

interface Bench {
  remote: GitRemote;
  server: Server;
  open: Opener & { cloneDir: string };
}

async function bench(t: TestContext, transport: Transport): Promise<Bench> {
  const remote = await temporaryRemote(t);
  const server = await transport.start(remote.path);
  t.after(() => server.stop());
  return { remote, server, open: await opener(t, server.settings) };
}

for (const transport of transports) {
  suite(`git source over ${transport.name}`, () => {
    test("tells an absent branch, a head, no change and a change", async (t) => {
      const { remote, open } = await bench(t, transport);
      const source = await open();
      assert.deepEqual(await source.head(forever()), { kind: "branch-missing" });
      await remote.commit({ "nodes/a.yaml": "x" }, "a longer name", { branch: "main-2" });
      await remote.commit({ "nodes/a.yaml": "x" }, "a name that ends alike", { branch: "x/refs/heads/main" });
      assert.deepEqual(await source.head(forever()), { kind: "branch-missing" });
      const first = await remote.commit({ "nodes/a.yaml": "a" }, "one");
      assert.deepEqual(await source.head(forever()), { kind: "head", commit: first });
      assert.deepEqual(await source.head(forever()), { kind: "head", commit: first });
      const second = await remote.commit({ "nodes/a.yaml": "b" }, "two");
      assert.deepEqual(await source.head(forever()), { kind: "head", commit: second });
      await remote.git(["pack-refs", "--all", "--prune"]);
      assert.deepEqual(await source.head(forever()), { kind: "head", commit: second });
    });

    test("reads the manifests of one commit, and nothing else", async (t) => {
      const { remote, open } = await bench(t, transport);
      const first = await remote.commit(
        {
          "nodes/web-01.yaml": "kind: Node\n",
          "deployments/team/a b.yml": "kind: Deployment # ü\n",
          "deployments/empty.yaml": "",
          "services/notes.txt": "no manifest",
          "other/x.yaml": "no manifest",
          "nodes-old/x.yaml": "no manifest",
          "x.yaml": "no manifest",
        },
        "Bring up web-01\non two lines\n\nWith a body.\n",
        { author: "Grace Hopper" },
      );
      const source = await open();
      assert.deepEqual(await follow(source), {
        "deployments/empty.yaml": "",
        "deployments/team/a b.yml": "kind: Deployment # ü\n",
        "nodes/web-01.yaml": "kind: Node\n",
      });
      const { commit, files, problems } = await source.read(first, forever());
      assert.equal(commit.author, "Grace Hopper");
      assert.equal(commit.subject, "Bring up web-01 on two lines");
      assert.ok(Math.abs(commit.time - Date.now()) < 600_000);
      assert.deepEqual(problems, []);
      const paths = files.map((file) => file.path);
      assert.deepEqual(paths, [...paths].sort());
      const blob = await remote.git(["rev-parse", `${first}:nodes/web-01.yaml`]);
      assert.equal(files.find((file) => file.path === "nodes/web-01.yaml")?.blob, blob);

      const second = await remote.commit({ "nodes/web-01.yaml": null, "nodes/web-02.yml": "2" }, "two");
      assert.deepEqual(Object.keys(await follow(source)), [
        "deployments/empty.yaml",
        "deployments/team/a b.yml",
        "nodes/web-02.yml",
      ]);
      const again = await source.read(first, forever());
      assert.deepEqual(again.files, files, `an older commit stays as it was after ${second} was fetched`);
    });

    test("follows a branch with a slash in its name", async (t) => {
      const { remote, open } = await bench(t, transport);
      await remote.commit({ "nodes/a.yaml": "main" }, "one");
      await remote.commit({ "nodes/a.yaml": "feature" }, "one", { branch: "feature/Auth-ü" });
      const source = await open({ branch: "feature/Auth-ü" });
      assert.deepEqual(await follow(source), { "nodes/a.yaml": "feature" });
    });

    test("follows a force-push to an unrelated history, and back", async (t) => {
      const { remote, open } = await bench(t, transport);
      const first = await remote.commit({ "nodes/a.yaml": "1" }, "one");
      const source = await open();
      await follow(source);
      await source.keep(first, forever());
      await remote.commit({ "nodes/b.yaml": "2" }, "unrelated", { parent: null });
      assert.deepEqual(await follow(source), { "nodes/b.yaml": "2" });
      await remote.forcePush(first);
      assert.deepEqual(await follow(source), { "nodes/a.yaml": "1" });
    });

    test("tells a deleted branch from an empty one, and follows it when it is back", async (t) => {
      const { remote, open } = await bench(t, transport);
      const first = await remote.commit({ "nodes/a.yaml": "1" }, "one");
      await remote.commit({ "nodes/a.yaml": "1" }, "one", { branch: "other" });
      const source = await open();
      await follow(source);
      await source.keep(first, forever());
      await remote.deleteBranch("main");
      assert.deepEqual(await source.head(forever()), { kind: "branch-missing" });
      assert.equal(await source.has(first, forever()), true, "what was accepted stays");
      await remote.commit({ "nodes/a.yaml": "2" }, "back", { parent: first });
      assert.deepEqual(await follow(source), { "nodes/a.yaml": "2" });
      await remote.commit({}, "everything is gone", { emptyTree: true });
      assert.deepEqual(await follow(source), {});
    });

    test("names what it cannot read, and reads the rest", async (t) => {
      const { remote, open } = await bench(t, transport);
      const first = await remote.commit({ "nodes/ok.yaml": "ok" }, "one");
      await remote.commit(
        {
          "nodes/link.yaml": { symlink: "/etc/shadow" },
          "nodes/big.yaml": Buffer.alloc(1024 * 1024 + 1, "#"),
          "nodes/fits.yaml": Buffer.alloc(1024 * 1024, "#"),
          "nodes/latin1.yaml": Buffer.from([0x6e, 0xe9, 0x0a]),
          "nodes/sub.yaml": { submodule: first },
          "nodes/esc\u001b[31m.yaml": "x",
          services: { symlink: "/etc" },
        },
        "problems",
      );
      const source = await open();
      const head = await remote.head();
      assert.ok(head !== null);
      assert.deepEqual(Object.keys(await follow(source)), ["nodes/fits.yaml", "nodes/ok.yaml"]);
      const { problems } = await source.read(head, forever());
      const told = new Map(problems.map((problem) => [problem.path, problem.message]));
      assert.match(told.get("nodes/link.yaml") ?? "", /symbolic link/);
      assert.match(told.get("nodes/big.yaml") ?? "", /1048577 bytes/);
      assert.match(told.get("nodes/latin1.yaml") ?? "", /UTF-8/);
      assert.match(told.get("nodes/sub.yaml") ?? "", /submodule/);
      assert.match(told.get("services") ?? "", /symbolic link/);
      assert.equal(told.size, 6);
      assert.doesNotMatch(JSON.stringify(problems), /u001b|root:/);
    });

    test("finds the confirmation of a removal in trailers only", async (t) => {
      const { remote, open } = await bench(t, transport);
      const trailer = "Remove it all\n\nIt is time.\n\nReviewed-by: Ada\nOrun-Prune: confirm\n";
      const base = await remote.commit({ "nodes/a.yaml": "0" }, trailer);
      const prose = await remote.commit(
        { "nodes/a.yaml": "1" },
        "Talk about it\n\nOrun-Prune: confirm\nis what one writes. We do not.\n\nThat is all, really.\n",
      );
      const other = await remote.commit({ "nodes/a.yaml": "2" }, "Say no\n\nOrun-Prune: no\n");
      const confirmed = await remote.commit({ "nodes/a.yaml": "3" }, trailer);
      const after = await remote.commit({ "nodes/a.yaml": "4" }, "And on\n");
      const source = await open();
      await follow(source);
      const confirms = (from: string | null, to: string): Promise<boolean> =>
        source.confirmsPrune(from, to, forever());
      assert.equal(await confirms(base, prose), false, "prose does not count, nor does the start itself");
      assert.equal(await confirms(base, other), false);
      assert.equal(await confirms(base, confirmed), true);
      assert.equal(await confirms(base, after), true);
      assert.equal(await confirms(confirmed, after), false, "an older confirmation is used up");
      assert.equal(await confirms(null, after), false);
      assert.equal(await confirms(null, confirmed), true);
      assert.equal(await confirms("1".repeat(40), confirmed), true, "a start that is gone counts as none");
      assert.equal(await confirms("1".repeat(40), after), false);
    });

    test("starts with origin dark, and finds it when it is back", async (t) => {
      const { remote, server, open } = await bench(t, transport);
      const first = await remote.commit({ "nodes/a.yaml": "1" }, "one");
      const before = await open();
      assert.equal(await before.has(first, forever()), false);
      await follow(before);
      await before.keep(first, forever());
      await remote.commit({ "nodes/a.yaml": "held" }, "fetched, but not accepted");
      await follow(before);
      await before.close();
      await server.goDark();
      const source = await open();
      assert.equal(await source.has(first, forever()), true);
      assert.equal(await source.has("1".repeat(40), forever()), false);
      await source.fetch(first, forever());
      assert.equal((await source.read(first, forever())).files[0]?.content, "1");
      for (const failed of [source.head(forever()), source.fetch("1".repeat(40), forever())]) {
        const error = await failureOf(failed);
        assert.equal(error.kind, transport.darkKind, error.message);
      }
      await server.comeBack();
      await remote.commit({ "nodes/a.yaml": "2" }, "two");
      assert.deepEqual(await follow(source), { "nodes/a.yaml": "2" });
    });

    test("says that a repository is not there", async (t) => {
      const { server, open } = await bench(t, transport);
      const source = await open({ url: `${server.settings.url}-not` });
      const error = await failureOf(source.head(forever()));
      assert.equal(error.kind, "not-found", error.message);
      assert.equal((await failureOf(source.fetch("1".repeat(40), forever()))).kind, "not-found");
    });

    test("a commit that the branch has left is not found", async (t) => {
      const { remote, open } = await bench(t, transport);
      await remote.commit({ "nodes/a.yaml": "1" }, "one");
      const source = await open();
      const error = await failureOf(source.fetch("1".repeat(40), forever()));
      assert.equal(error.kind, "not-found", error.message);
      assert.equal((await failureOf(source.read("1".repeat(40), forever()))).kind, "not-found");
      await follow(source);
    });

    test("is ended by the caller's signal", async (t) => {
      const { remote, open } = await bench(t, transport);
      const first = await remote.commit({ "nodes/a.yaml": "1" }, "one");
      const source = await open();
      const aborted = AbortSignal.abort();
      assert.equal((await failureOf(source.head(aborted))).kind, "aborted");
      assert.equal((await failureOf(source.fetch(first, aborted))).kind, "aborted");
      await follow(source);
      assert.equal((await failureOf(source.read(first, aborted))).kind, "aborted");
    });

    test("newest wins after fifty pushes, and no commit is mixed with another", async (t) => {
      const { remote, open } = await bench(t, transport);
      const source = await open();
      for (let n = 0; n < 50; n += 1) {
        await remote.commit({ "nodes/a.yaml": String(n), "nodes/b.yaml": String(n) }, `push ${n}`);
        if (n % 10 !== 0) continue;
        assert.deepEqual(await follow(source), { "nodes/a.yaml": String(n), "nodes/b.yaml": String(n) });
      }
      assert.deepEqual(await follow(source), { "nodes/a.yaml": "49", "nodes/b.yaml": "49" });
    });

    test("leaves no process and no file of its own behind", async (t) => {
      const { remote, open } = await bench(t, transport);
      await remote.commit({ "nodes/a.yaml": "1" }, "one");
      const source = await open();
      await follow(source);
      await source.head(forever());
      await source.close();
      assert.deepEqual(await ownChildren(), []);
      assert.deepEqual(await readdir(join(open.cloneDir, "..")), ["clone"]);
    });
  });
}
