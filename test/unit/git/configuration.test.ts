import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { SourceSettings } from "../../../src/agent/source-port.ts";
import { SourceError } from "../../../src/git/errors.ts";
import { createExclusive } from "../../../src/git/exclusive.ts";
import { gitConfig } from "../../../src/git/git-config.ts";
import { sshConfig } from "../../../src/git/ssh-config.ts";
import { parseRemote } from "../../../src/git/url.ts";

const settings: SourceSettings = {
  url: "git@example.com:x.git",
  branch: "main",
  cloneDir: "/var/clone",
  deployKey: "/etc/orun/key 100%",
  knownHosts: "/etc/orun/known_hosts",
  allowInsecure: false,
  timeoutMs: 2500,
};

suite("configuration of Git and ssh", () => {
  test("ssh never asks, never trusts on first sight, and reads paths as they are", () => {
    const text = sshConfig(settings, "/run/c");
    for (const line of [
      "BatchMode yes",
      "StrictHostKeyChecking yes",
      "IdentitiesOnly yes",
      'IdentityFile "/etc/orun/key 100%%"',
      'UserKnownHostsFile "/etc/orun/known_hosts"',
      "ConnectTimeout 3",
      "SendEnv GIT_PROTOCOL",
      'ControlPath "/run/c"',
    ]) {
      assert.ok(text.split("\n").includes(line), line);
    }
    const own = sshConfig({ ...settings, deployKey: null, knownHosts: null }, "/run/c");
    assert.doesNotMatch(own, /Identity|KnownHostsFile/);
    assert.match(own, /StrictHostKeyChecking yes/);
  });

  test("paths that ssh would expand or that end a line are refused", () => {
    for (const deployKey of ['/a"b', "/a${HOME}", "/a\nProxyCommand id", "relative", "/a\\b"]) {
      assert.throws(() => sshConfig({ ...settings, deployKey }, "/run/c"), SourceError);
    }
  });

  test("Git checks what arrives, runs no program, follows no redirect with credentials", () => {
    const plain = gitConfig(parseRemote("https://example.com/x", false));
    assert.match(plain, /\[fetch\]\n\tfsckObjects = "true"/);
    assert.match(plain, /hooksPath = "\/dev\/null"/);
    assert.match(plain, /followRedirects = "initial"/);
    const secret = gitConfig(parseRemote("https://ada:s3cret@example.com/x", false));
    assert.match(secret, /followRedirects = "false"/);
    assert.doesNotMatch(secret, /s3cret/);
    const local = gitConfig(parseRemote('/srv/a"b\\c', false));
    assert.match(local, /directory = "\/srv\/a\\"b\\\\c"/);
  });
});

test("one at a time, in order, whatever fails", async () => {
  const exclusive = createExclusive();
  const seen: string[] = [];
  const gate = Promise.withResolvers<undefined>();
  const first = exclusive(async () => {
    await gate.promise;
    seen.push("first");
    throw new Error("no");
  });
  const second = exclusive(() => {
    seen.push("second");
    return Promise.resolve(2);
  });
  gate.resolve(undefined);
  await assert.rejects(first, /no/);
  assert.equal(await second, 2);
  assert.deepEqual(seen, ["first", "second"]);
});
