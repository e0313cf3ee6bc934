import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { createNodeFiles } from "../../../src/host/files.ts";

const folder = mkdtempSync(join(tmpdir(), "orun-files-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const files = createNodeFiles();
const at = (name: string): string => join(folder, name);

it("reads an environment file", async () => {
  writeFileSync(at("plain"), "A=1\n");
  assert.equal(await files.read(at("plain")), "A=1\n");
  assert.match(await files.read("/proc/self/status"), /^Name:/);
});

it("refuses what is absent, no file, or huge, and waits for none of it", async () => {
  execFileSync("mkfifo", [at("pipe")]);
  writeFileSync(at("huge"), "");
  truncateSync(at("huge"), 2 ** 40);
  await assert.rejects(files.read(at("absent")), /absent cannot be opened on this node: ENOENT/);
  await assert.rejects(files.read(at("pipe")), /pipe is no regular file/);
  await assert.rejects(files.read(folder), /is no regular file/);
  await assert.rejects(files.read("/dev/zero"), /is no regular file/);
  await assert.rejects(files.read(at("huge")), /larger than 1 MiB/);
});

it("tells what takes a port, and only on the addresses where it does", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.2", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  assert.match((await files.portTaken(port, "tcp", null)) ?? "", /^process '.+' \(pid \d+\)$/);
  assert.match((await files.portTaken(port, "tcp", "127.0.0.2")) ?? "", /^process/);
  assert.equal(await files.portTaken(port, "tcp", "127.0.0.3"), null);
  assert.equal(await files.portTaken(port, "udp", null), null);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await files.portTaken(port, "tcp", null), null);
});

it("leaves the modes of what it reads alone", async () => {
  writeFileSync(at("secret"), "A=1\n");
  chmodSync(at("secret"), 0o400);
  assert.equal(await files.read(at("secret")), "A=1\n");
});
