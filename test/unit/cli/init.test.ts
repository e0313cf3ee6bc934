import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, describe, it } from "node:test";
import { init } from "../../../src/cli/commands/init.ts";
import { occupied, writeNew } from "../../../src/cli/init/write-new.ts";
import { manifestJsonSchema } from "../../../src/manifest/json-schema.ts";
import { golden } from "./golden.ts";
import { runOrun } from "./run-orun.ts";

describe("orun init", () => {
  const folder = mkdtempSync(join(tmpdir(), "orun-init-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const files = (below: string): string[] =>
    readdirSync(below, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(below.length + 1))
      .filter((name) => !name.startsWith(".git/"))
      .sort();

  it("writes a repository that validates, and says what to do next", async () => {
    const target = join(folder, "new");
    const { code, stdout, stderr } = await runOrun(["init", target]);
    assert.equal(code, 0, stderr);
    const texts = files(target)
      .filter((name) => !name.endsWith(".json"))
      .map((name) => `--- ${name}\n${readFileSync(join(target, name), "utf8")}`);
    golden("init.txt", `${stdout.replaceAll(target, "FOLDER")}\n${texts.join("\n")}`);
    const validated = await runOrun(["validate"], { cwd: target });
    assert.equal(validated.code, 0, validated.stdout);
    assert.equal(validated.stdout, "3 documents in 3 files: 0 errors, 0 warnings\n");
  });

  it("gives editors a schema that lies in the repository", () => {
    const target = join(folder, "new");
    for (const name of files(target).filter((name_) => /^(nodes|deployments|services)\//.test(name_))) {
      const [, schema = ""] =
        /^# yaml-language-server: \$schema=(\S+)\n/.exec(readFileSync(join(target, name), "utf8")) ?? [];
      const path = resolve(dirname(join(target, name)), schema);
      assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), manifestJsonSchema());
    }
  });

  it("takes the flags' values and the remote's URL, and names no mended placeholder", async () => {
    const target = join(folder, "known");
    mkdirSync(target);
    execFileSync("git", ["init", "-q", target]);
    execFileSync("git", ["-C", target, "remote", "add", "origin", "git@git.example.com:me/servers.git"]);
    const args = ["init", target, "--node", "db-1", "--host", "203.0.113.7", "--domain", "shop.example.com"];
    const { code, stdout, stderr } = await runOrun([...args, "--ci", "gitlab"]);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /set 'host'|set 'gitRepo'|git init/);
    const node = readFileSync(join(target, "nodes/db-1.yaml"), "utf8");
    assert.match(node, /\n {2}host: 203\.0\.113\.7\n/);
    assert.match(node, /\n {2}gitRepo: git@git\.example\.com:me\/servers\.git\n/);
    assert.ok(files(target).includes(".gitlab-ci.yml"));
    assert.equal((await runOrun(["validate", target])).code, 0);
  });

  it("overwrites nothing, and writes nothing beside what is there", async () => {
    const target = join(folder, "old");
    mkdirSync(join(target, "deployments"), { recursive: true });
    writeFileSync(join(target, "deployments", "mine.yml"), "mine");
    const first = await runOrun(["init", target]);
    assert.equal(first.code, 1);
    assert.match(first.stderr, /already has deployments\/mine\.yml: nothing was written/);
    assert.deepEqual(files(target), ["deployments/mine.yml"]);
    const linked = join(folder, "linked");
    mkdirSync(join(linked, "services"), { recursive: true });
    symlinkSync("/nowhere/else", join(linked, "services", "hello.yaml"));
    await assert.rejects(init(linked, {}), /already has services\/hello\.yaml/);
    assert.deepEqual(files(linked), ["services/hello.yaml"]);
  });

  it("refuses values that are no manifest, and leaves nothing", async () => {
    for (const [flag, value] of [
      ["node", "../../etc"],
      ["node", "a\nb"],
      ["domain", "http://x.example.com"],
      ["host", "-oProxyCommand=x"],
      ["ci", "jenkins"],
    ] as const)
      await assert.rejects(init(join(folder, "bad"), { [flag]: value }), /^Error: --/, value);
    assert.deepEqual(occupied(folder, ["bad"]), []);
  });

  it("takes back what it wrote when a file cannot be written", () => {
    const target = join(folder, "halfway");
    writeFileSync(join(folder, "file"), "");
    assert.throws(() =>
      writeNew(folder, [
        { path: "halfway/a/b/one.txt", text: "1" },
        { path: "file/two.txt", text: "2" },
      ]),
    );
    assert.deepEqual(occupied(folder, ["halfway"]), [], target);
  });
});
