import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { unitPaths, unitText } from "../../../src/bootstrap/unit.ts";
import { golden } from "../cli/golden.ts";

const executable = "/usr/local/bin/orun";

describe("the unit", () => {
  it("is this text on Debian 12", () =>
    golden("../bootstrap/orun-252.service", unitText({ executable, systemdVersion: 252 })));

  it("waits longer between restarts where systemd can", () =>
    golden("../bootstrap/orun-257.service", unitText({ executable, systemdVersion: 257 })));

  it("never takes workloads or the lock along", () => {
    const lines = unitText({ executable, systemdVersion: 257 }).split("\n");
    assert.deepEqual(
      lines.filter((line) =>
        /^(Requires|Requisite|BindsTo|PartOf|Upholds|Conflicts|ExecStop\w*)=/.test(line),
      ),
      [],
    );
    for (const line of [
      "StartLimitIntervalSec=0",
      "Restart=always",
      "KillMode=mixed",
      "RuntimeDirectoryPreserve=yes",
    ])
      assert.ok(lines.includes(line), line);
  });

  it("may write to another data directory when a drop-in says so", () => {
    assert.equal(unitPaths("/opt/orun/"), null);
    assert.equal(unitPaths("/opt/orun/staging"), null);
    assert.equal(
      unitPaths("/srv/my data/100%"),
      `# Written by 'orun bootstrap'.\n[Service]\nReadWritePaths="-/srv/my data/100%%"\n`,
    );
    assert.match(unitPaths("/opt/orun-staging") ?? "", /ReadWritePaths="-\/opt\/orun-staging"/);
  });
});
