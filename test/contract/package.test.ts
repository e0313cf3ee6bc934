import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { arch } from "node:process";
import { after, describe, it } from "node:test";
import { makeArchive, writeChecksums } from "../../tools/package/archive.ts";
import { dynamicEntries, dynamicEntry, fileOffset, machineOf, textAt } from "../../tools/package/elf.ts";
import { makeExecutable } from "../../tools/package/executable.ts";
import { packagedExecutable } from "../testbed/executable.ts";
import { openSandbox } from "../testbed/sandbox.ts";

const root = join(import.meta.dirname, "..", "..");
const about = { version: "1.2.3", commit: "0123456789abcdef", date: "2026-01-02T03:04:05Z" };
/** What every Debian and Ubuntu host has: glibc, and the C++ library that apt needs itself. */
const base = /^(ld-linux-(x86-64|aarch64)|lib(c|dl|m|pthread|stdc\+\+|gcc_s))\.so\.[0126]$/;
const here = arch === "arm64" ? "arm64" : "x64";

function neededLibraries(file: string): string[] {
  const elf = readFileSync(file);
  const strings = fileOffset(elf, dynamicEntry(elf, 5n).value);
  return dynamicEntries(elf)
    .filter(({ tag }) => tag === 1n)
    .map(({ value }) => textAt(elf, strings + Number(value)));
}

describe("the executable", () => {
  const sandbox = openSandbox({ after });

  it("runs in a root with nothing but the libraries of a minimal Debian", async () => {
    const executable = await packagedExecutable();
    assert.deepEqual(
      neededLibraries(executable).filter((name) => !base.test(name)),
      [],
    );
    const minimal = sandbox.folder();
    for (const [library] of execFileSync("ldd", [executable], { encoding: "utf8" }).matchAll(/\/\S+/g)) {
      mkdirSync(join(minimal, dirname(library)), { recursive: true });
      copyFileSync(library, join(minimal, library));
    }
    copyFileSync(executable, join(minimal, "orun"));
    cpSync(join(root, "examples", "quickstart"), join(minimal, "repository"), { recursive: true });
    const run = (args: string[], env: NodeJS.ProcessEnv = {}): string =>
      execFileSync("chroot", [minimal, "/orun", ...args], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], ...env },
      });
    assert.match(
      run(["version"]),
      /^orun 0\.0\.0-test\ncommit: {2}test-[0-9a-f]{16}\nbuilt: {3}1970-01-01T00:00:00Z\nruntime: Node\.js 26\./,
    );
    assert.match(run(["validate", "/repository"]), /^4 documents in 4 files: 0 errors/m);
    // Every import resolved at once, as hardened systems do; options of the caller's Node.js are not for orun.
    assert.match(run(["version"], { LD_BIND_NOW: "1", NODE_OPTIONS: "--require=/absent.js" }), /^orun /);
    assert.equal(run(["schema"]), execFileSync(join(root, "bin", "orun"), ["schema"], { encoding: "utf8" }));
  });

  it("is the same bytes whatever folder it is made in, and says what it is", async () => {
    const outputs = [join(sandbox.folder(), "one"), join(sandbox.folder(), "two", "deeper", "two")];
    const hashes: string[] = [];
    for (const output of outputs) {
      mkdirSync(dirname(output), { recursive: true });
      await makeExecutable(root, here, output, about);
      hashes.push(createHash("sha256").update(readFileSync(output)).digest("hex"));
    }
    assert.equal(hashes[0], hashes[1]);
    const said = execFileSync(outputs[0] ?? "", ["version"], { encoding: "utf8" });
    assert.match(said, /^orun 1\.2\.3\ncommit: {2}0123456789abcdef\nbuilt: {3}2026-01-02T03:04:05Z\n/);
  });

  it("is made for the other architecture too", async () => {
    const other = here === "x64" ? "arm64" : "x64";
    const output = join(sandbox.folder(), "orun");
    await makeExecutable(root, other, output, about);
    assert.equal(machineOf(readFileSync(output)), other === "arm64" ? 183 : 62);
    assert.deepEqual(
      neededLibraries(output).filter((name) => !base.test(name)),
      [],
    );
  });

  it("is archived the same way every time, with the licences", () => {
    const sums = [sandbox.folder(), sandbox.folder()].map((folder) => {
      const file = join(folder, "orun-linux-x64");
      writeFileSync(file, "an executable", { mode: 0o755 });
      const licenses = { orun: join(root, "LICENSE"), runtime: join(root, "package.json") };
      const archive = makeArchive(file, licenses, 1_700_000_000);
      const listed = execFileSync("tar", ["-tvf", archive], {
        encoding: "utf8",
        env: { ...process.env, TZ: "UTC" },
      });
      assert.match(listed, /^-rwxr-xr-x 0\/0\s+13 2023-11-14 22:13 orun$/m);
      assert.match(listed, /LICENSE\n.*LICENSE\.nodejs\n$/);
      writeChecksums(join(folder, "SHA256SUMS"), [file, archive]);
      execFileSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: folder });
      return readFileSync(join(folder, "SHA256SUMS"), "utf8");
    });
    assert.equal(sums[0], sums[1]);
  });
});
