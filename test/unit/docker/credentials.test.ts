import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { EngineError } from "../../../src/agent/errors.ts";
import { registryLogin } from "../../../src/docker/credentials.ts";

const quiet = new AbortController().signal;

test("logins: bound to their registry, from the file or a helper, never in an error", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "orun-login-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "config.json");
  const ask = async (config: unknown, registry: string) => {
    writeFileSync(path, typeof config === "string" ? config : JSON.stringify(config));
    const login = await registryLogin(registry, quiet, [join(folder, "absent"), path]);
    const decoded: unknown =
      login.header === null ? null : JSON.parse(Buffer.from(login.header, "base64url").toString("utf8"));
    return { decoded, trouble: login.trouble, header: login.header };
  };
  const auth = Buffer.from("me:pass:word?>~").toString("base64");

  await t.test("auths, by host, whatever the key's spelling", async () => {
    for (const key of ["r.example:5000", "https://r.example:5000", "https://r.example:5000/v2/"]) {
      const login = await ask({ auths: { [key]: { auth } } }, "r.example:5000");
      assert.deepEqual(login.decoded, {
        username: "me",
        password: "pass:word?>~",
        serveraddress: "r.example:5000",
      });
      assert.match(login.header ?? "", /^[A-Za-z0-9_-]+=*$/);
      assert.equal((login.header ?? "").length % 4, 0);
    }
  });
  await t.test("nothing for another host, not even one that ends alike", async () => {
    for (const other of ["evil.example", "r.example.evil", "xr.example", "docker.io"])
      assert.equal((await ask({ auths: { "r.example": { auth } } }, other)).decoded, null);
  });
  await t.test("Docker Hub under its old name; identity tokens", async () => {
    const config = { auths: { "https://index.docker.io/v1/": { auth: "", identitytoken: "tok" } } };
    assert.deepEqual((await ask(config, "docker.io")).decoded, {
      identitytoken: "tok",
      serveraddress: "https://index.docker.io/v1/",
    });
  });
  await t.test("a helper, asked on its standard input", async () => {
    const helper = join(folder, "docker-credential-orun-test");
    writeFileSync(
      helper,
      '#!/bin/sh\nread server\n[ "$1" = get ] && printf \'{"Username":"<token>","Secret":"%s"}\' "$server"\n',
    );
    chmodSync(helper, 0o755);
    const before = z.string().parse(process.env["PATH"]);
    process.env["PATH"] = `${folder}:${before}`;
    try {
      const login = await ask({ credHelpers: { "r.example": "orun-test" } }, "r.example");
      assert.deepEqual(login.decoded, { identitytoken: "r.example", serveraddress: "r.example" });
    } finally {
      process.env["PATH"] = before;
    }
  });
  await t.test("a helper that is not installed is told, and the pull goes on without", async () => {
    const login = await ask({ credsStore: "orun-absent" }, "r.example");
    assert.equal(login.header, null);
    assert.match(login.trouble ?? "", /docker-credential-orun-absent' is not installed/);
  });
  await t.test("a broken file is an error that quotes nothing of it", async () => {
    await assert.rejects(ask('{"auths": s3cret', "r.example"), (error) => {
      assert.ok(error instanceof EngineError && error.kind === "registry-auth");
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
  });
});
