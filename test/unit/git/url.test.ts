import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { SourceError } from "../../../src/git/errors.ts";
import { parseRemote, redactUrl } from "../../../src/git/url.ts";

function refusal(url: string, allowInsecure = false): string {
  try {
    parseRemote(url, allowInsecure);
  } catch (error) {
    assert.ok(error instanceof SourceError && error.kind === "refused-url");
    return error.message;
  }
  assert.fail(`${url} was accepted`);
}

suite("remote URLs", () => {
  test("https, with and without credentials", () => {
    assert.deepEqual(parseRemote("https://github.com/acme/infra.git/", false), {
      kind: "http",
      url: "https://github.com/acme/infra.git",
      secure: true,
      credentials: null,
    });
    assert.deepEqual(parseRemote("https://user:p%40ss@example.com:8443/x", false), {
      kind: "http",
      url: "https://example.com:8443/x",
      secure: true,
      credentials: { user: "user", password: "p@ss" },
    });
    assert.deepEqual(parseRemote("HTTPS://token@example.com/x", false), {
      kind: "http",
      url: "https://example.com/x",
      secure: true,
      credentials: { user: "token", password: "" },
    });
  });

  test("plain http to loopback only, or when allowed", () => {
    for (const host of ["localhost:3000", "127.0.0.1", "127.1.2.3:80", "[::1]:8080"]) {
      const remote = parseRemote(`http://${host}/x.git`, false);
      assert.ok(remote.kind === "http" && !remote.secure);
    }
    for (const host of [
      "example.com",
      "localhost.example.com",
      "10.0.0.1",
      "[::2]",
      "127.0.0.1.example.com",
    ]) {
      assert.match(refusal(`http://${host}/x.git`), /plain http/);
      assert.equal(parseRemote(`http://${host}/x.git`, true).kind, "http");
    }
  });

  test("ssh in both forms", () => {
    assert.deepEqual(parseRemote("git@github.com:acme/infra.git", false), {
      kind: "ssh",
      url: "git@github.com:acme/infra.git",
      user: "git",
      host: "github.com",
      port: null,
      path: "acme/infra.git",
    });
    assert.deepEqual(parseRemote("ssh://git@[::1]:2222/srv/infra.git", false), {
      kind: "ssh",
      url: "ssh://git@[::1]:2222/srv/infra.git",
      user: "git",
      host: "::1",
      port: 2222,
      path: "/srv/infra.git",
    });
    const home = parseRemote("ssh://example.com/~ada/infra", false);
    assert.ok(home.kind === "ssh" && home.user === null && home.path === "~ada/infra");
  });

  test("an absolute local path", () => {
    assert.deepEqual(parseRemote("/srv/git/in fra.git//", false), {
      kind: "local",
      url: "/srv/git/in fra.git",
    });
  });

  test("a refusal says why, and what is accepted", () => {
    assert.match(refusal("file:///srv/x"), /absolute path, without 'file:\/\/'/);
    assert.match(refusal("git://example.com/x"), /'git' is not allowed/);
    assert.match(refusal("ext::sh -c id"), /contains a space|remote helpers/);
    assert.match(refusal("-x"), /starts with '-'/);
    assert.match(refusal("infra.git"), /none of the known forms.*Accepted are https/s);
    assert.match(refusal("ssh://git@example.com:99999/x"), /port/);
    assert.match(refusal("ssh://git@example.com"), /form ssh/);
    assert.match(refusal("ssh://git:secret@example.com/x"), /deploy key/);
  });

  test("a refusal never shows a secret", () => {
    const secret = "s3cr3t";
    for (const url of [
      `https://ada:${secret}@example.com/x?y`,
      `https://${secret}@example.com/x#y`,
      `http://ada:${secret}@example.com/x`,
      `https://example.com/x?token=${secret}`,
      `ftp://ada:${secret}@example.com/x`,
      `ssh://ada:${secret}@example.com/x`,
      `https://ada:${secret}@exa mple.com/x`,
      `https://ada:${secret}@[bad/x`,
      `ada:${secret}@example.com:x`,
      `https://ada:${secret}%@example.com/x`,
    ]) {
      assert.doesNotMatch(refusal(url), /s3cr3t/, url);
    }
  });

  test("any text is parsed or refused, and what is parsed can be no option", () => {
    const pieces = fc.constantFrom(
      "https",
      "ssh",
      "://",
      "git@",
      ":",
      "/",
      "-",
      "host",
      "::",
      " ",
      "'",
      "$(",
      "\n",
      "%",
      "?",
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (url) => {
        try {
          const remote = parseRemote(url, true);
          assert.doesNotMatch(remote.url, /^-|^[A-Za-z0-9+.-]*::|[\n\r\0]/);
          if (remote.kind === "ssh") {
            assert.doesNotMatch(remote.host, /^-|[^A-Za-z0-9._:-]/);
            assert.doesNotMatch(remote.path, /^-|['"`$\\;&|<>\s]/);
          }
          if (remote.kind === "local") assert.ok(remote.url.startsWith("/"));
          // What Git is given is read the same way again.
          assert.deepEqual(parseRemote(remote.url, true).url, remote.url);
        } catch (error) {
          assert.ok(error instanceof SourceError, String(error));
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("redaction never throws, and shows no control character", () => {
    fc.assert(fc.property(fc.string(), (url) => assert.doesNotMatch(redactUrl(url), /\p{Cc}/u)));
  });
});
