/** What a hostile URL, branch or repository can do to the node: nothing (FAULTS, attacks 1 to 6 and 8). */
import assert from "node:assert/strict";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import type { GitRemote } from "../testbed/git-remote.ts";
import { startGitSsh } from "../testbed/git-ssh.ts";
import { failureOf, follow, forever, opener, temporaryFolder, temporaryRemote } from "./git-transports.ts";

interface Trap {
  /** A program that leaves a file in `nest`. */
  program: string;
  /** A path in `nest` for payloads that make a file themselves. */
  file: string;
  /** Fails when anything got into the nest. */
  check: () => Promise<void>;
}

async function trap(t: TestContext): Promise<Trap> {
  const folder = await temporaryFolder(t);
  const nest = join(folder, "nest");
  await mkdir(nest);
  const program = join(folder, "canary");
  await writeFile(program, `#!/bin/sh\necho "$0 $*" > ${nest}/touched-$$\ncat\n`);
  await chmod(program, 0o755);
  return {
    program,
    file: join(nest, "made"),
    check: async () => assert.deepEqual(await readdir(nest), [], "the canary was touched"),
  };
}

/** Every operation of a source on what it was given; refusals are fine. */
async function tryEverything(t: TestContext, settings: { url: string; branch?: string }): Promise<string[]> {
  const kinds: string[] = [];
  const open = await opener(t, settings);
  try {
    const source = await open({ timeoutMs: 5000 });
    await source.head(forever()).catch((error: unknown) => kinds.push(String(error)));
    await source.fetch("1".repeat(40), forever()).catch((error: unknown) => kinds.push(String(error)));
    kinds.push("opened");
  } catch (error) {
    kinds.push(String(error));
  }
  return kinds;
}

suite("hostile settings", () => {
  test("URLs that are options, helpers, commands or other protocols are refused", async (t) => {
    const { program, file, check } = await trap(t);
    const urls = [
      `--upload-pack=${program}`,
      `-u${program}`,
      `ext::${program}`,
      `ext::sh -c touch% ${file}`,
      `EXT::${program}`,
      "fd::17",
      `file://${program}`,
      "git://127.0.0.1/x.git",
      "ftp://127.0.0.1/x.git",
      `ssh://-oProxyCommand=${program}/x.git`,
      `ssh://-oProxyCommand=${program}@127.0.0.1/x.git`,
      `ssh://git@-oProxyCommand=${program}/x`,
      `-oProxyCommand=${program}@127.0.0.1:x.git`,
      `git@-oProxyCommand=${program}:x.git`,
      `git@127.0.0.1:--upload-pack=${program}`,
      `git@127.0.0.1:x'; touch ${file}; '`,
      `ssh://git@127.0.0.1/x$(touch\${IFS}${file})`,
      `ssh://git@127.0.0.1/\`${program}\``,
      `ssh://git@127.0.0.1/%27;touch%20${file};%27`,
      `ssh://git:password@127.0.0.1/x.git`,
      `https://127.0.0.1/x.git\n--upload-pack=${program}`,
      "https://127.0.0.1/x%0a.git",
      "http://192.0.2.1/x.git",
      "https://127.0.0.1/x.git?y",
      "relative/path",
      "../up",
      "",
      "/",
    ];
    for (const url of urls) {
      const [said = ""] = await tryEverything(t, { url });
      assert.match(said, /is refused/, `${url}: ${said}`);
      assert.doesNotMatch(said, /password@/);
    }
    await check();
  });

  test("branch names that are options, paths or commands are refused", async (t) => {
    const { program, file, check } = await trap(t);
    const remote = await temporaryRemote(t);
    const branches = [
      `--upload-pack=${program}`,
      "-f",
      "",
      "a b",
      "../../config",
      "a/../b",
      "/a",
      "a//b",
      "a/",
      ".a",
      "a.lock",
      "a\nb",
      "a\0b",
      "a:b",
      "a*",
      "a~1",
      "@",
      "@{-1}",
      "HEAD",
    ];
    for (const branch of branches) {
      const [said = ""] = await tryEverything(t, { url: remote.path, branch });
      assert.match(said, /the branch name .* Give a name that Git allows/, `${branch}: ${said}`);
    }
    // Allowed by Git, so it has to be inert.
    for (const branch of [`$(touch\${IFS}${file})`, `a;${program}`, `a'\`${program}\``, "+a"]) {
      await remote.commit({ "nodes/a.yaml": "1" }, "one", { branch });
      const open = await opener(t, { url: remote.path, branch });
      assert.deepEqual(await follow(await open()), { "nodes/a.yaml": "1" });
    }
    await check();
  });

  test("the environment and the user's configuration do not reach Git", async (t) => {
    const { program, check } = await trap(t);
    const remote = await temporaryRemote(t);
    await remote.commit({ "nodes/a.yaml": "1" }, "one");
    const server = await startGitSsh({ repository: remote.path });
    t.after(() => server.stop());
    const hostile: Record<string, string> = {
      GIT_SSH_COMMAND: program,
      GIT_SSH: program,
      GIT_PROXY_COMMAND: program,
      GIT_EXTERNAL_DIFF: program,
      GIT_ASKPASS: program,
      SSH_ASKPASS: program,
      GIT_DIR: "/nowhere",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "core.sshCommand",
      GIT_CONFIG_VALUE_0: program,
      GIT_CONFIG_PARAMETERS: `'core.sshCommand=${program}'`,
      GIT_EXEC_PATH: "/nowhere",
      GIT_ALLOW_PROTOCOL: "ext",
    };
    const before = Object.fromEntries(Object.keys(hostile).map((name) => [name, process.env[name]]));
    t.after(() => {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      }
    });
    Object.assign(process.env, hostile);
    const { url, deployKey, knownHosts } = server;
    for (const settings of [{ url: remote.path }, { url, deployKey, knownHosts }]) {
      const open = await opener(t, settings);
      assert.deepEqual(await follow(await open()), { "nodes/a.yaml": "1" });
    }
    await check();
  });
});

suite("hostile repositories", () => {
  test("hooks and configuration of a local origin run nothing", async (t) => {
    const { program, check } = await trap(t);
    const remote = await temporaryRemote(t);
    await remote.commit({ "nodes/a.yaml": "1" }, "one");
    const hooks = join(remote.path, "hooks");
    await mkdir(hooks, { recursive: true });
    for (const name of ["pre-upload-pack", "post-upload-pack", "reference-transaction", "post-checkout"]) {
      await writeFile(join(hooks, name), `#!/bin/sh\n${program}\n`, { mode: 0o755 });
    }
    for (const name of [
      "uploadpack.packObjectsHook",
      "core.fsmonitor",
      "core.sshCommand",
      "core.pager",
      "core.askPass",
    ]) {
      await remote.git(["config", name, program]);
    }
    const open = await opener(t, { url: remote.path });
    const source = await open();
    await follow(source);
    await source.keep((await remote.head()) ?? "", forever());
    await check();
  });

  test("attributes, filters, LFS, submodules and links stay what they are: bytes", async (t) => {
    const { program, check } = await trap(t);
    const remote = await temporaryRemote(t);
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    const first = await remote.commit({ "nodes/a.yaml": "1\r\n" }, "one");
    await remote.commit(
      {
        ".gitattributes": `*.yaml filter=evil diff=evil text eol=lf ident export-subst working-tree-encoding=UTF-16\n`,
        ".lfsconfig": `[lfs]\n\turl = ext::${program}\n`,
        "nodes/big.yaml": pointer,
        "nodes/ident.yaml": "$Id$ $Format:%H$\n",
        "services/x/y.yaml": { symlink: "../../../../../../etc/passwd" },
        deployments: { symlink: "/etc" },
        "nodes/module": { submodule: first },
      },
      "two",
    );
    const open = await opener(t, { url: remote.path });
    assert.deepEqual(await follow(await open()), {
      "nodes/a.yaml": "1\r\n",
      "nodes/big.yaml": pointer,
      "nodes/ident.yaml": "$Id$ $Format:%H$\n",
    });
    await check();
  });

  test("a hostile .gitmodules, a tree with '..' and one with '.git' do not get in", async (t) => {
    const { program, check } = await trap(t);
    const bad: [string, (remote: GitRemote) => Promise<string>][] = [
      ["gitmodulesUrl", (remote) => treeOf(remote, [["100644", ".gitmodules", moduleFile(program)]])],
      ["hasDotdot", (remote) => treeOf(remote, [["100644", "..", "x"]])],
      ["hasDotgit", (remote) => treeOf(remote, [["100644", ".git", "x"]])],
      ["fullPathname", (remote) => treeOf(remote, [["100644", "nodes/../../x.yaml", "x"]])],
      [
        "duplicateEntries",
        (remote) =>
          treeOf(remote, [
            ["100644", "a", "x"],
            ["100644", "a", "y"],
          ]),
      ],
    ];
    for (const [what, make] of bad) {
      const remote = await temporaryRemote(t);
      const first = await remote.commit({ "nodes/a.yaml": "1" }, "one");
      const open = await opener(t, { url: remote.path });
      const source = await open();
      await follow(source);
      const tip = await remote.git(["commit-tree", "-m", what, await make(remote)]);
      await remote.forcePush(tip);
      const error = await failureOf(source.fetch(tip, forever()));
      assert.match(error.message, new RegExp(what, "i"));
      assert.equal((await source.read(first, forever())).files.length, 1);
    }
    await check();
  });

  test("a tree bomb ends at a limit, in time", async (t) => {
    const remote = await temporaryRemote(t);
    let tree = await treeOf(
      remote,
      Array.from({ length: 10 }, (_, n) => ["100644", `f${n}.yaml`, "x"] as const),
    );
    for (let depth = 0; depth < 9; depth += 1) {
      tree = await mktree(
        remote,
        Array.from({ length: 10 }, (_, n) => [`40000 d${n}\0`, tree]),
      );
    }
    const root = await mktree(remote, [["40000 deployments\0", tree]]);
    const tip = await remote.git(["commit-tree", "-m", "ten to the tenth", root]);
    await remote.forcePush(tip);
    const open = await opener(t, { url: remote.path });
    const source = await open();
    await source.fetch(tip, forever());
    const started = performance.now();
    const error = await failureOf(source.read(tip, forever()));
    assert.equal(error.kind, "too-large", error.message);
    assert.match(error.message, /too many files/);
    assert.ok(performance.now() - started < 20_000);
  });

  test("25,000 manifests: the first 20,000 are read, and the rest is named", async (t) => {
    const remote = await temporaryRemote(t);
    const files = Object.fromEntries(
      Array.from({ length: 25_000 }, (_, n) => [`nodes/n${10_000 + n}.yaml`, "same"]),
    );
    const tip = await remote.commit(files, "many");
    const open = await opener(t, { url: remote.path });
    const source = await open();
    await source.fetch(tip, forever());
    const revision = await source.read(tip, forever());
    assert.equal(revision.files.length, 20_000);
    assert.equal(revision.problems.length, 201);
    assert.match(revision.problems[0]?.message ?? "", /more than 20000 manifests/);
    assert.match(revision.problems.at(-1)?.message ?? "", /4800 more/);
  });
});

function moduleFile(program: string): string {
  return `[submodule "x"]\n\tpath = x\n\turl = --upload-pack=${program}\n`;
}

/** A tree of blobs, with names that Git's own commands would refuse. */
async function treeOf(
  remote: GitRemote,
  entries: readonly (readonly [mode: string, name: string, content: string])[],
): Promise<string> {
  const list: [string, string][] = [];
  for (const [mode, name, content] of entries) {
    list.push([`${mode} ${name}\0`, await remote.git(["hash-object", "-w", "--stdin"], content)]);
  }
  return await mktree(remote, list);
}

async function mktree(remote: GitRemote, entries: [head: string, id: string][]): Promise<string> {
  const raw = Buffer.concat(entries.flatMap(([head, id]) => [Buffer.from(head), Buffer.from(id, "hex")]));
  return await remote.git(["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], raw);
}
