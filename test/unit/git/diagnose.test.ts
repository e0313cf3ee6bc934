import assert from "node:assert/strict";
import { test } from "node:test";
import { diagnose, quoteForPeople } from "../../../src/git/diagnose.ts";
import type { SourceErrorKind } from "../../../src/git/errors.ts";

/** Words of Git 2.39 and OpenSSH 9.2, and of large hosts, as they were met. */
const said: [SourceErrorKind, string][] = [
  ["unreachable", "fatal: unable to access 'https://h/x/': Could not resolve host: h"],
  [
    "unreachable",
    "fatal: unable to access 'https://h/x/': Failed to connect to h port 443 after 0 ms: Connection refused",
  ],
  ["unreachable", "fatal: unable to access 'https://h/x/': The requested URL returned error: 502"],
  ["unreachable", "error: RPC failed; curl 56 Recv failure: Connection reset by peer\nfatal: early EOF"],
  [
    "unreachable",
    "ssh: connect to host h port 22: Connection refused\r\nfatal: Could not read from remote repository.",
  ],
  ["unreachable", "kex_exchange_identification: read: Connection reset by peer"],
  ["unreachable", "fatal: the remote end hung up unexpectedly"],
  ["auth", "git@h: Permission denied (publickey).\r\nfatal: Could not read from remote repository."],
  ["auth", "fatal: could not read Username for 'https://h': terminal prompts disabled"],
  ["auth", "fatal: Authentication failed for 'https://h/x/'"],
  ["auth", 'Load key "/etc/orun/key": Permission denied\ngit@h: Permission denied (publickey).'],
  ["host-key", "Host key verification failed.\r\nfatal: Could not read from remote repository."],
  [
    "host-key",
    "@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@\nHost key verification failed.",
  ],
  [
    "host-key",
    "fatal: unable to access 'https://h/x/': server certificate verification failed. CAfile: none",
  ],
  ["host-key", "fatal: unable to access 'https://h/x/': SSL certificate problem: self-signed certificate"],
  ["not-found", "ERROR: Repository not found.\nfatal: Could not read from remote repository."],
  ["not-found", "remote: Repository not found.\nfatal: repository 'https://h/x/' not found"],
  ["not-found", "fatal: '/x' does not appear to be a git repository"],
  ["not-found", "fatal: couldn't find remote ref refs/heads/main"],
  ["storage", "fatal: write error: No space left on device"],
  ["storage", "error: insufficient permission for adding an object to repository database objects"],
  ["git-missing", "setpriv: failed to execute git: No such file or directory"],
  ["protocol", "fatal: protocol error: bad line length character: <htm"],
  ["protocol", ""],
];

for (const [kind, text] of said) {
  test(`${kind}: ${JSON.stringify(text.slice(0, 60))}`, () => {
    const error = diagnose({ doing: "asking", cloneDir: null }, 128, text);
    assert.equal(error.kind, kind);
    assert.match(error.message, /^asking failed: .*[.!?…]$/s);
    assert.doesNotMatch(error.message, /[\r\n]|@@@/);
  });
}

const broken = [
  "error: object file objects/1a/2b is empty\nfatal: loose object 1a2b (stored in objects/1a/2b) is corrupt",
  "fatal: not a git repository: '/var/clone'",
  "fatal: bad object refs/orun/branch",
  "error: packfile ./objects/pack/pack-1.pack does not match index",
  "error: inflate: data stream error (incorrect header check)",
  "fatal: unable to read tree 1234",
  "error: refs/orun/accepted: invalid sha1 pointer 0000",
];

for (const text of broken) {
  test(`damaged, when a clone is concerned: ${JSON.stringify(text.slice(0, 50))}`, () => {
    assert.equal(diagnose({ doing: "reading", cloneDir: "/var/clone" }, 128, text).kind, "damaged");
    assert.notEqual(diagnose({ doing: "asking", cloneDir: null }, 128, text).kind, "damaged");
  });
}

test("damage at the other end, or a full disk, is no damage here", () => {
  const context = { doing: "fetching", cloneDir: "/var/clone" };
  assert.notEqual(
    diagnose(context, 128, "remote: fatal: bad object refs/heads/x\nfatal: early EOF").kind,
    "damaged",
  );
  assert.equal(
    diagnose(context, 128, "fatal: '/x' does not appear to be a git repository").kind,
    "not-found",
  );
  const full = "error: file write error: No space left on device\nfatal: unable to write loose object file";
  assert.equal(diagnose(context, 128, full).kind, "storage");
});

test("words from elsewhere are short, printable and on one line", () => {
  assert.equal(quoteForPeople("remote: a\u001b[31m\r\nfatal: b\n\n"), "remote: a [31m; fatal: b");
  assert.ok(quoteForPeople("x".repeat(1000)).length <= 401);
});
