import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { renderAgentConfiguration } from "../../../src/bootstrap/agent-configuration.ts";
import { type Facts, factsCommand, parseFacts } from "../../../src/bootstrap/facts.ts";
import { describeOperation, type Step } from "../../../src/bootstrap/operation.ts";
import {
  chooseStatusPort,
  planInstallation,
  planService,
  planUpgrade,
  questionsFor,
} from "../../../src/bootstrap/plan.ts";
import type { Wanted } from "../../../src/bootstrap/wanted.ts";
import { factsOf, freshDebian, wantedOf } from "./fixtures.ts";

function planned(facts: Facts, wanted: Wanted): string {
  const steps: Step[] = [
    ...planInstallation(facts, wanted),
    ...planService(facts, wanted),
    planUpgrade(facts, wanted),
  ];
  return steps
    .flatMap(({ title, note, operations }) => [
      `# ${title}${note === null ? "" : ` (${note})`}`,
      ...operations.map((operation) => {
        const text = describeOperation(operation);
        // Unit and script are tested where they are.
        const elsewhere = operation.kind === "write" && /orun@\.service|\.sh$/.test(operation.path);
        return elsewhere ? (text.split("\n")[0] ?? "") : text;
      }),
    ])
    .join("\n")
    .concat("\n");
}

function golden(name: string, text: string): void {
  const file = join(import.meta.dirname, "..", "..", "fixtures", "bootstrap", name);
  assert.equal(text, readFileSync(file, "utf8"));
}

/** A host on which everything has been done. */
function done(wanted: Wanted): Facts {
  const file = (text: string): { mode: string; uid: number; sha256: string } => ({
    mode: "600",
    uid: 0,
    sha256: createHash("sha256").update(text).digest("hex"),
  });
  const path = "/usr/local/lib/orun/orun-aaaaaaaaaaaa";
  return factsOf({
    packages: new Set(["ca-certificates", "git", "openssh-client"]),
    engine: { state: "running", version: "26.1.5" },
    folders: new Map(
      ["/usr/local/lib/orun", "/etc/orun", "/etc/orun/docker", "/opt/orun/", "/var/lib/orun/code"].map(
        (folder) => [folder, { mode: "755", uid: 0 }],
      ),
    ),
    executables: new Map([[path, "a".repeat(64)]]),
    link: path,
    files: new Map([
      ["/etc/orun/agent.key", file("")],
      ["/etc/orun/agent.key.pub", file("")],
      ["/etc/orun/agent.yaml", file(renderAgentConfiguration(wanted))],
      ["/etc/systemd/system/orun@.service", file("")],
    ]),
    units: new Map([["orun@agent.service", { enabled: true, active: true }]]),
  });
}

it("plans everything for a fresh host", () => {
  golden("fresh.txt", planned(factsOf(), wantedOf()));
});

it("plans nothing where everything is done", () => {
  const wanted = wantedOf();
  golden("done.txt", planned(done(wanted), wanted));
});

it("uploads a new executable beside the one in force only when an upgrade is asked for", () => {
  const wanted = wantedOf({ executable: { path: "orun-new", sha256: "b".repeat(64), architecture: "x64" } });
  assert.match(
    planned(done(wanted), wanted),
    /orun-aaaaaaaaaaaa is in force and is kept: replace it with --upgrade/,
  );
  assert.doesNotMatch(planned(done(wanted), wanted), /^\$/m);
  golden("upgrade.txt", planned(done(wanted), { ...wanted, upgrade: true }));
});

it("derives a lost public half instead of making a new key, and closes an open one", () => {
  const wanted = wantedOf();
  const facts = done(wanted);
  const files = new Map(facts.files);
  files.delete("/etc/orun/agent.key.pub");
  files.set("/etc/orun/agent.key", { mode: "644", uid: 0, sha256: "" });
  const text = planned({ ...facts, files }, wanted);
  assert.match(text, /^\$ chmod 0600 \/etc\/orun\/agent\.key$/m);
  assert.match(text, /ssh-keygen -y -f/);
  assert.doesNotMatch(text, /ssh-keygen -q/);
});

it("never writes the configuration of an engine that is there, or one that is there before the engine", () => {
  const there = new Map([["/etc/docker/daemon.json", { mode: "644", uid: 0, sha256: "" }]]);
  assert.doesNotMatch(planned(factsOf({ files: there }), wantedOf()), /live-restore/);
  const running = factsOf({ engine: { state: "running", version: "20.10.24" } });
  assert.doesNotMatch(planned(running, wantedOf()), /live-restore|docker\.io/);
});

it("restarts an agent whose settings changed, and no other", () => {
  const wanted = wantedOf();
  const other = wantedOf({}, { gitBranch: "main", codeDir: "/srv/code" });
  assert.match(planned(done(wanted), other), /systemctl restart orun@agent\.service/);
  assert.doesNotMatch(planned(done(wanted), wanted), /systemctl/);
});

it("gives a second environment its own instance, files, port and room to write", () => {
  const agents = new Map([["/etc/orun/agent.yaml", "statusPort: 9100\n"]]);
  const wanted = wantedOf({ environment: "staging" }, { gitBranch: "staging", dataDir: "/srv/it's here" });
  assert.equal(chooseStatusPort(factsOf({ agents }), { ...wanted, statusPort: null }), 9101);
  assert.equal(chooseStatusPort(factsOf({ agents }), { ...wantedOf(), statusPort: null }), 9100);
  const text = planned(factsOf(), wanted);
  assert.match(text, /orun@staging\.service\.d\/paths\.conf/);
  assert.match(text, /\/etc\/orun\/staging\.yaml/);
  assert.match(text, /install -d -m 0700 '\/srv\/it'\\''s here'/);
});

it("asks for all that it plans with, and reads the answer to the end", () => {
  const questions = questionsFor(wantedOf());
  const command = factsCommand(questions);
  assert.equal(command[0], "sh");
  assert.ok(command[2]?.includes("0050|01BB|238C"));
  assert.ok(command.includes("/etc/orun/agent.key.pub"));
  assert.throws(() => parseFacts(freshDebian.replace("end\tyes\n", "")), /cut short/);
});
