import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configPath, UNIT_PATH, unitName, unitPaths, unitText } from "../../../src/bootstrap/unit.ts";
import { golden } from "../cli/golden.ts";

const executable = "/usr/local/bin/orun";

describe("the unit", () => {
  it("is this text on Debian 12", () =>
    golden("../bootstrap/orun-252.service", unitText({ executable, systemdVersion: 252 })));

  it("waits longer between restarts where systemd can", () =>
    golden("../bootstrap/orun-257.service", unitText({ executable, systemdVersion: 257 })));

  it("has a place, and an instance for each file of settings", () => {
    assert.equal(UNIT_PATH, "/etc/systemd/system/orun@.service");
    assert.equal(unitName("staging"), "orun@staging.service");
    assert.equal(configPath("agent"), "/etc/orun/agent.yaml", "what a plain 'orun start' reads");
    const text = unitText({ executable, systemdVersion: 252 });
    assert.ok(text.includes(`--config ${configPath("%i")}\n`));
  });

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
