import assert from "node:assert/strict";
import { delimiter } from "node:path";
import { after, before, describe, it } from "node:test";
import { connectSsh } from "../../src/bootstrap/ssh.ts";
import { targetOf } from "../../src/bootstrap/target.ts";
import { type Host, type HostBed, startHostBed } from "../testbed/host.ts";

describe("a fresh Debian 13 host", { timeout: 600_000 }, () => {
  let bed: HostBed;
  let host: Host;
  before(async () => {
    bed = await startHostBed();
    host = await bed.host("trixie");
  });
  after(() => bed.stop());

  it("is reached over ssh with the operator's configuration", async () => {
    process.env["PATH"] = `${bed.operator.path}${delimiter}${process.env["PATH"] ?? ""}`;
    const target = targetOf({ host: host.address, sshPort: 22, user: "root", sshKeyPath: bed.operator.key });
    const connection = await connectSsh(target, { interactive: false });
    const { stdout } = await connection.run({ argv: ["cat", "/etc/debian_version"] });
    await connection.close();
    assert.match(stdout, /^13/);
  });
});
