/** Which remotes are allowed (FAULTS, attacks 1, 2, 6, 15). */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SourceError } from "../../../src/git/errors.ts";
import { parseRemote, redactUrl } from "../../../src/git/url.ts";

function refusal(url: string): string {
  try {
    parseRemote(url, false);
  } catch (error) {
    assert.ok(error instanceof SourceError);
    assert.equal(error.kind, "refused-url");
    return error.message;
  }
  return assert.fail(`accepted: ${JSON.stringify(url)}`);
}

test("accepts https, ssh, user@host:path and an absolute path", () => {
  assert.deepEqual(parseRemote("https://example.com/a/infra.git/", false), {
    kind: "http",
    url: "https://example.com/a/infra.git",
    secure: true,
    credentials: null,
  });
  const withToken = parseRemote("https://bot:t%40ken@example.com:8443/infra.git", false);
  assert.ok(withToken.kind === "http");
  assert.deepEqual(withToken.credentials, { user: "bot", password: "t@ken" });
  assert.equal(withToken.url, "https://example.com:8443/infra.git");
  const ssh = { kind: "ssh", user: "git", host: "example.com" };
  assert.deepEqual(parseRemote("ssh://git@example.com:2222/a/b.git", false), {
    ...ssh,
    url: "ssh://git@example.com:2222/a/b.git",
    port: 2222,
    path: "/a/b.git",
  });
  assert.deepEqual(parseRemote("git@example.com:a/b.git", false), {
    ...ssh,
    url: "git@example.com:a/b.git",
    port: null,
    path: "a/b.git",
  });
  assert.deepEqual(parseRemote("/srv/infra.git/", false), { kind: "local", url: "/srv/infra.git" });
});

test("plain http is for loopback, or for those who ask for it", () => {
  for (const host of ["127.0.0.1:8080", "localhost", "[::1]:80"])
    assert.equal(parseRemote(`http://${host}/x.git`, false).kind, "http");
  assert.match(refusal("http://example.com/x.git"), /plain http/);
  assert.match(refusal("http://127.0.0.1.example.com/x.git"), /plain http/);
  assert.equal(parseRemote("http://example.com/x.git", true).kind, "http");
});

test("refuses options, helpers, other protocols and what a shell could read", () => {
  const attacks = [
    "",
    "-u/tmp/x",
    "--upload-pack=touch /tmp/canary",
    "ext::sh -c touch% /tmp/canary",
    "EXT::sh -c x",
    "fd::17/x",
    "file:///srv/infra.git",
    "git://example.com/infra.git",
    "ftp://example.com/infra.git",
    "ssh://-oProxyCommand=touch/tmp/canary",
    "ssh://-oProxyCommand=x@example.com/infra.git",
    "-oProxyCommand=x@example.com:infra.git",
    "git@-oProxyCommand=x:infra.git",
    "git@example.com:-x",
    "git@example.com:--upload-pack=x",
    "git@example.com:a'b",
    "git@example.com:$(id)",
    "git@example.com:`id`",
    "git@example.com:a;id",
    "ssh://git@example.com/a'b",
    "ssh://git:secret@example.com/infra.git",
    "ssh://git@example.com:0/infra.git",
    "ssh://git@example.com:65536/infra.git",
    "ssh://git@example.com/",
    "https://example.com/a\u0000b",
    "https://example.com/a\nb",
    "https://example.com/a%0ab",
    "https://example.com/a?service=x",
    "https://example.com/a#b",
    "https://%zz@example.com/a",
    "relative/path",
    "../infra.git",
    "/",
  ];
  for (const url of attacks) refusal(url);
  assert.match(refusal("ext::/tmp/payload"), /remote helpers/);
  assert.match(refusal("--upload-pack=x"), /as an option does/);
});

test("never shows a password, whatever is wrong with the rest", () => {
  const secret = "hunter2hunter2";
  const urls = [
    `https://bot:${secret}@example.com/a?b`,
    `http://bot:${secret}@example.com/a`,
    `ftp://bot:${secret}@example.com/a`,
    `ssh://git:${secret}@example.com/a`,
    `https://bot:${secret}@exa mple.com/a`,
    `https://${secret}@example.com:99999/a`,
    `git:${secret}@example.com:a`,
    `https://example.com/a?token=${secret}`,
  ];
  for (const url of urls) {
    assert.doesNotMatch(refusal(url), /hunter2/);
    assert.doesNotMatch(redactUrl(url), /hunter2/);
  }
});

test("anything at all is parsed or refused with a message of one printable line", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.webUrl()), (url) => {
      try {
        parseRemote(url, false);
      } catch (error) {
        assert.ok(error instanceof SourceError);
        assert.doesNotMatch(error.message, /\p{Cc}/u);
      }
    }),
  );
});
