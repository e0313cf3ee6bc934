import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { connectSsh, type SshConnection } from "../../src/bootstrap/ssh.ts";
import { SshError } from "../../src/bootstrap/ssh-error.ts";
import type { SshTarget } from "../../src/bootstrap/target.ts";
import { type GitSsh, startGitSsh } from "../testbed/git-ssh.ts";
import { useOperatorSsh } from "../testbed/operator.ts";

describe("commands over the system's ssh", () => {
  let server: GitSsh;
  let target: SshTarget;
  const folder = mkdtempSync(join(tmpdir(), "orun-ssh-test-"));
  const path = process.env["PATH"];
  const operator = useOperatorSsh(folder);

  before(async () => {
    process.env["PATH"] = `${operator.path}${delimiter}${path ?? ""}`;
    server = await startGitSsh({ repository: "/", anyCommand: true });
    writeFileSync(operator.knownHosts, readFileSync(server.knownHosts));
    target = { host: "127.0.0.1", port: server.port, user: userInfo().username, keyPath: server.deployKey };
  });
  after(async () => {
    process.env["PATH"] = path;
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const connected = async (use: (connection: SshConnection) => Promise<void>): Promise<void> => {
    const connection = await connectSsh(target, { interactive: false });
    try {
      await use(connection);
    } finally {
      await connection.close();
    }
  };
  const refusal = async (change: Partial<SshTarget> = {}): Promise<SshError> => {
    const error: unknown = await connectSsh({ ...target, ...change }, { interactive: false }).then(
      async (connection) => {
        await connection.close();
        return null;
      },
      (cause: unknown) => cause,
    );
    assert.ok(error instanceof SshError, `it connected, or failed with ${String(error)}`);
    return error;
  };

  it("passes arguments, input, output and the exit code through unchanged", async () => {
    await connected(async (ssh) => {
      const words = ["it's", 'a "b"', "$(id)", "`id`", "a\nb", "*", "\\", ""];
      const said = await ssh.run({ argv: ["printf", "%s\\0", ...words] });
      assert.deepEqual(said.stdout.split("\0").slice(0, -1), words);
      const failed = await ssh.run({ argv: ["sh", "-c", "cat; echo trouble >&2; exit 3"], input: "in" });
      assert.deepEqual(failed, { code: 3, stdout: "in", stderr: "trouble\n" });
      const big = Buffer.alloc(3_000_000, "x");
      const counted = await ssh.run({ argv: ["wc", "-c"], input: Readable.from([big, big]) });
      assert.equal(counted.stdout.trim(), "6000000");
    });
  });

  it("goes on after the far side closed its input early", async () => {
    await connected(async (ssh) => {
      const big = Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(1_000_000)));
      assert.equal((await ssh.run({ argv: ["false"], input: big })).code, 1);
    });
  });

  it("says when a command takes too long, and ends the local ssh", async () => {
    await connected(async (ssh) => {
      await assert.rejects(
        ssh.run({ argv: ["sleep", "60"], timeoutMs: 300 }),
        /'sleep 60' on .* took more than 0.3 s/,
      );
    });
  });

  it("connects anew for the next command after the connection was lost", async () => {
    await connected(async (ssh) => {
      const lost = ssh.run({
        argv: ["sh", "-c", "echo begun; sleep 60"],
        onStdout: () => void server.dropConnections(),
      });
      await assert.rejects(lost, (error) => error instanceof SshError && error.kind === "lost");
      assert.equal((await ssh.run({ argv: ["echo", "back"] })).stdout, "back\n");
    });
  });

  it("tells a wrong key, an unknown host, a changed host and a closed port apart", async () => {
    const wrongKey = await refusal({ keyPath: server.otherKey });
    assert.equal(wrongKey.kind, "auth");
    assert.match(wrongKey.message, /Permission denied.*authorized_keys/);

    const known = readFileSync(operator.knownHosts);
    writeFileSync(operator.knownHosts, "");
    const unknown = await refusal();
    assert.equal(unknown.kind, "host-key");
    assert.match(unknown.message, /compare the fingerprint/);

    const other = readFileSync(`${server.otherKey}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
    writeFileSync(operator.knownHosts, `[127.0.0.1]:${String(server.port)} ${other}\n`);
    const changed = await refusal();
    assert.equal(changed.kind, "host-key");
    assert.match(changed.message, /ssh-keygen -R '\[127\.0\.0\.1\]:\d+'/);
    writeFileSync(operator.knownHosts, known);

    const closed = await refusal({ port: 1 });
    assert.equal(closed.kind, "unreachable");
    assert.match(closed.message, /Connection refused.*spec\.sshPort/);
  });

  it("checks host keys also when the operator's configuration does not", async () => {
    const config = readFileSync(operator.config, "utf8");
    const known = readFileSync(operator.knownHosts);
    writeFileSync(operator.config, `${config}  StrictHostKeyChecking no\n`);
    writeFileSync(operator.knownHosts, "");
    assert.equal((await refusal()).kind, "host-key");
    writeFileSync(operator.config, config);
    writeFileSync(operator.knownHosts, known);
  });
});
