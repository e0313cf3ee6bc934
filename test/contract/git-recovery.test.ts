/** Clones that were killed, damaged or swapped, and what becomes of them (SPEC 3; FAULTS 3, 4, 5). */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmod,
  mkdir,
  open as openFile,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { folderBytes, packsOf } from "../../src/git/sweep.ts";
import { startGitHttp } from "../testbed/git-http.ts";
import type { GitRemote } from "../testbed/git-remote.ts";
import { until } from "../testbed/wait.ts";
import {
  failureOf,
  follow,
  forever,
  type Opener,
  opener,
  temporaryFolder,
  temporaryRemote,
} from "./git-transports.ts";

interface Bench {
  remote: GitRemote;
  first: string;
  open: Opener & { cloneDir: string };
}

/** A followed and accepted first commit. */
async function bench(t: TestContext): Promise<Bench> {
  const remote = await temporaryRemote(t);
  const first = await remote.commit({ "nodes/a.yaml": "1", "nodes/b.yaml": "one more" }, "one");
  const open = await opener(t, { url: remote.path });
  const source = await open();
  await follow(source);
  await source.keep(first, forever());
  await source.close();
  return { remote, first, open };
}

const damages: Record<string, (clone: string) => Promise<void>> = {
  "the branch's ref full of zeros": (clone) => writeFile(join(clone, "refs/orun/branch"), Buffer.alloc(41)),
  "the accepted ref full of zeros": (clone) => writeFile(join(clone, "refs/orun/accepted"), Buffer.alloc(41)),
  "an empty HEAD": (clone) => writeFile(join(clone, "HEAD"), ""),
  "a configuration of zeros": (clone) => writeFile(join(clone, "config"), Buffer.alloc(64)),
  "no objects": (clone) => rm(join(clone, "objects"), { recursive: true }),
  "a pack with flipped bytes": (clone) => flip(clone, ".pack", 12, 400),
  "a pack with one flipped bit in the middle": (clone) => flip(clone, ".pack", 200, 1),
  "a truncated pack": async (clone) => {
    const pack = await packFile(clone, ".pack");
    await chmod(pack, 0o600);
    await writeFile(pack, (await readFile(pack)).subarray(0, 60));
  },
  "an index of zeros": async (clone) => {
    const index = await packFile(clone, ".idx");
    await chmod(index, 0o600);
    await writeFile(index, Buffer.alloc((await stat(index)).size));
  },
  "no packs": (clone) => rm(join(clone, "objects/pack"), { recursive: true }),
  "a file under another file's id": async (clone) => {
    const pack = await packFile(clone, ".pack");
    const content = await readFile(pack);
    await rm(join(clone, "objects/pack"), { recursive: true });
    const unpacked = spawnSync("git", [`--git-dir=${clone}`, "unpack-objects", "-q"], { input: content });
    assert.equal(unpacked.status, 0);
    const [one, other] = ["1", "one more"].map((text) => loosePath(clone, text));
    assert.ok(one !== undefined && other !== undefined);
    await rename(one, other);
  },
  "nothing but its mark": async (clone) => {
    for (const name of await readdir(clone)) {
      if (name !== "orun-origin") await rm(join(clone, name), { recursive: true });
    }
  },
};

suite("a damaged clone", () => {
  for (const [what, harm] of Object.entries(damages)) {
    test(`with ${what} is replaced, and nothing wrong is ever read`, async (t) => {
      const { remote, first, open } = await bench(t);
      await harm(open.cloneDir);
      const source = await open();
      const read = await source.read(first, forever());
      assert.deepEqual(
        read.files.map((file) => file.content),
        ["1", "one more"],
      );
      await remote.commit({ "nodes/a.yaml": "2" }, "two");
      assert.deepEqual(await follow(source), { "nodes/a.yaml": "2", "nodes/b.yaml": "one more" });
      await source.keep(first, forever());
      assert.equal(await source.has(first, forever()), true);
      assert.deepEqual(await leftovers(open.cloneDir), ["clone", "clone.support"]);
      await remote.git(["--git-dir", open.cloneDir, "fsck", "--strict"]);
    });
  }

  test("keeps the accepted commit when it is replaced, if origin still has it", async (t) => {
    const { remote, first, open } = await bench(t);
    await remote.commit({ "nodes/a.yaml": "2" }, "two");
    await damages["the branch's ref full of zeros"]?.(open.cloneDir);
    await follow(await open());
    assert.equal((await readFile(join(open.cloneDir, "refs/orun/accepted"), "utf8")).trim(), first);
  });

  test("stays where it is while origin is dark, and is replaced afterwards", async (t) => {
    const { remote, first, open } = await bench(t);
    await flip(open.cloneDir, ".pack", 12, 400);
    await rename(remote.path, `${remote.path}.away`);
    const source = await open();
    const error = await failureOf(source.read(first, forever()));
    assert.equal(error.kind, "damaged", error.message);
    assert.match(error.message, /No fresh clone could be made: .*does not appear to be a git repository/);
    assert.equal(
      (await packFile(open.cloneDir, ".pack")).endsWith(".pack"),
      true,
      "the old clone is still there",
    );
    await rename(`${remote.path}.away`, remote.path);
    assert.equal((await source.read(first, forever())).files.length, 2);
  });
});

suite("a clone after a kill", () => {
  test("is freed of locks and half packs at the next start", async (t) => {
    const { remote, open } = await bench(t);
    const litter = [
      "HEAD.lock",
      "config.lock",
      "packed-refs.lock",
      "gc.pid",
      "refs/orun/branch.lock",
      "refs/orun/accepted.lock",
      "objects/pack/tmp_pack_AbCdEf",
      "objects/pack/tmp_idx_AbCdEf",
      "objects/pack/.tmp-123-pack-0123.pack",
      `objects/pack/pack-${"0".repeat(40)}.pack`,
      `objects/pack/pack-${"1".repeat(40)}.keep`,
      "objects/aa/tmp_obj_AbCdEf",
      "objects/tmp_objdir-incoming-AbCdEf/pack/tmp_pack_x",
      "objects/info/commit-graph.lock",
    ];
    for (const path of litter) {
      await mkdir(join(open.cloneDir, path, ".."), { recursive: true });
      await writeFile(join(open.cloneDir, path), "half");
    }
    const source = await open();
    await remote.commit({ "nodes/a.yaml": "2" }, "two");
    await follow(source);
    const names = await readdir(open.cloneDir, { recursive: true });
    assert.deepEqual(
      names.filter((name) => litter.includes(name) || /tmp_|\.lock$/.test(name)),
      [],
    );
    await remote.git(["--git-dir", open.cloneDir, "fsck", "--strict"]);
  });

  test("is freed of what a fetch that failed left", async (t) => {
    const { remote, open } = await bench(t);
    const source = await open();
    const half = join(open.cloneDir, "objects/pack/tmp_pack_AbCdEf");
    await writeFile(half, "half");
    await remote.deleteBranch("main");
    await failureOf(source.fetch("1".repeat(40), forever()));
    await assert.rejects(stat(half), /ENOENT/);
  });

  test("150 killed fetches leave it below twice its size, and whole", async (t) => {
    const { remote, open } = await bench(t);
    const source = await open();
    let delay = 0;
    let killed = 0;
    for (let n = 0; n < 150; n += 1) {
      const tip = await remote.commit({ "nodes/big.yaml": `# ${String(n).repeat(3000)}` }, `push ${n}`);
      const controller = new AbortController();
      const fetching = source.fetch(tip, controller.signal);
      const timer = setTimeout(() => controller.abort(), delay);
      delay = (delay + 1.7) % 40;
      await fetching.catch(() => {
        killed += 1;
      });
      clearTimeout(timer);
    }
    assert.ok(killed > 30, `${killed} of 150 were killed`);
    await follow(source);
    const fresh = await opener(t, { url: remote.path });
    await follow(await fresh());
    const [bytes, freshBytes] = [await folderBytes(open.cloneDir), await folderBytes(fresh.cloneDir)];
    assert.ok(bytes < 2 * freshBytes, `${bytes} against ${freshBytes} bytes`);
    await remote.git(["--git-dir", open.cloneDir, "fsck", "--strict"]);
  });

  test("fetches killed before they named what they brought do not pile up", async (t) => {
    const { remote, open } = await bench(t);
    const source = await open();
    for (let n = 0; n < 8; n += 1) {
      const tip = await remote.commit({ "nodes/big.bin": randomBytes(1_500_000) }, `push ${n}`, {
        parent: n === 0 ? await remote.head() : `${(await remote.head()) ?? ""}~1`,
      });
      await source.fetch(tip, forever());
      if (n < 7) await rm(join(open.cloneDir, "refs/orun/branch"));
    }
    const bytes = await folderBytes(open.cloneDir);
    assert.ok(bytes < 2 * 1_600_000, `${bytes} bytes`);
    await remote.git(["--git-dir", open.cloneDir, "fsck", "--strict"]);
  });

  test("an agent killed in a fetch takes its Git processes along", async (t) => {
    const { remote, open } = await bench(t);
    const server = await startGitHttp({ repository: remote.path });
    t.after(() => server.stop());
    server.fault({ kind: "hang" });
    const folder = await temporaryFolder(t);
    const script = `
      const { openSource } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/git/source.ts"))});
      const source = await openSource({ url: ${JSON.stringify(server.url)}, branch: "main",
        cloneDir: ${JSON.stringify(join(folder, "clone"))}, deployKey: null, knownHosts: null, allowInsecure: false, timeoutMs: 60000 });
      await source.fetch("1".repeat(40), new AbortController().signal);`;
    const agent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
    await until("the fetch hangs in a request", () => server.requests.length > 0);
    assert.ok((await processesWith(folder)).length > 0);
    agent.kill("SIGKILL");
    await until("its processes are gone", async () => (await processesWith(folder)).length === 0, 10_000);
    assert.equal(open.cloneDir === folder, false);
  });

  test("in the middle of a swap is found again", async (t) => {
    const { first, open, remote } = await bench(t);
    await rename(open.cloneDir, `${open.cloneDir}.old`);
    await mkdir(join(`${open.cloneDir}.new`, "objects"), { recursive: true });
    await rename(remote.path, `${remote.path}.away`);
    const source = await open();
    assert.equal((await source.read(first, forever())).files.length, 2);
    assert.deepEqual(await leftovers(open.cloneDir), ["clone", "clone.support"]);
  });
});

suite("a clone over time", () => {
  test("of another URL is dropped, a folder of somebody else is not", async (t) => {
    const { first, open } = await bench(t);
    const other = await temporaryRemote(t);
    await other.commit({ "nodes/z.yaml": "z" }, "elsewhere");
    const source = await open({ url: other.path });
    assert.equal(await source.has(first, forever()), false);
    assert.deepEqual(await follow(source), { "nodes/z.yaml": "z" });
    const folder = join(await temporaryFolder(t), "data");
    await mkdir(folder);
    await writeFile(join(folder, "precious"), "mine");
    const error = await failureOf(open({ cloneDir: folder }));
    assert.equal(error.kind, "storage");
    assert.match(error.message, /is not a clone that orun made/);
    assert.equal(await readFile(join(folder, "precious"), "utf8"), "mine");
  });

  test("is packed again from time to time, without what nothing refers to", async (t) => {
    const { remote, open, first } = await bench(t);
    const source = await open();
    let last = first;
    for (let n = 0; n < 45; n += 1) {
      last = await remote.commit({ "nodes/a.yaml": `${n}` }, `forced ${n}`, { parent: first });
      await source.fetch(last, forever());
      await source.keep(last, forever());
    }
    assert.ok((await packsOf(open.cloneDir)).count <= 10);
    assert.equal(await source.has(last, forever()), true);
    assert.equal((await source.read(last, forever())).files[0]?.content, "44");
  });

  test("works with SHA-256 repositories", async (t) => {
    const remote = await temporaryRemote(t, { objectFormat: "sha256" });
    const server = await startGitHttp({ repository: remote.path });
    t.after(() => server.stop());
    for (const url of [remote.path, server.url]) {
      const open = await opener(t, { url });
      const source = await open();
      const tip = await remote.commit({ "nodes/a.yaml": url }, "sixty-four digits");
      assert.equal(tip.length, 64);
      assert.deepEqual(await follow(source), { "nodes/a.yaml": url });
      await source.keep(tip, forever());
      assert.equal(await source.has(tip, forever()), true);
    }
  });
});

async function leftovers(cloneDir: string): Promise<string[]> {
  return (await readdir(join(cloneDir, ".."))).sort();
}

async function packFile(clone: string, ending: string): Promise<string> {
  const folder = join(clone, "objects/pack");
  const name = (await readdir(folder)).find((entry) => entry.endsWith(ending));
  if (name === undefined) throw new Error(`no ${ending} in ${folder}`);
  return join(folder, name);
}

/** Where Git keeps this blob when it is in no pack. */
function loosePath(clone: string, text: string): string {
  const id = createHash("sha1")
    .update(`blob ${Buffer.byteLength(text)}\0${text}`)
    .digest("hex");
  return join(clone, "objects", id.slice(0, 2), id.slice(2));
}

/** Inverts bytes of a pack in place. */
async function flip(clone: string, ending: string, at: number, count: number): Promise<void> {
  const path = await packFile(clone, ending);
  await chmod(path, 0o600);
  const file = await openFile(path, "r+");
  try {
    const length = Math.max(1, Math.min(count, (await file.stat()).size - at - 20));
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, at);
    await file.write(Buffer.from(buffer.map((byte) => byte ^ 0xff)), 0, length, at);
  } finally {
    await file.close();
  }
}

/** Ids of processes, other than Node.js, with this text in an argument. */
async function processesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/cmdline`, "latin1").catch(() => "");
    if (line.includes(text) && !line.includes("input-type=module")) found.push(line);
  }
  return found;
}
