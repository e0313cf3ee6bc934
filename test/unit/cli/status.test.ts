import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type NodeAnswer, renderFleet, renderStatus } from "../../../src/cli/status/render.ts";
import { isWell, parseStatus, type ShownStatus } from "../../../src/cli/status/shape.ts";
import { asJson, repaint } from "../../../src/cli/status/watch.ts";
import { paintFor, type Terminal, terminalOf } from "../../../src/cli/terminal.ts";
import { golden } from "./golden.ts";

const NOW = Date.parse("2026-11-25T12:00:00Z");
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();
const PIPE: Terminal = { size: null, colours: false };
const wide = (columns: number, colours = false): Terminal => ({ size: { columns, rows: 50 }, colours });

const node = {
  name: "web-01",
  environment: "production",
  version: "0.1.0",
  git_branch: "main",
  git_head: "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d",
  observed_head: "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d",
  last_sync_time: ago(3),
};

function deployment(name: string, change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name,
    image: `registry.example.com/acme/${name}:1.4.2`,
    state: "running",
    message: "",
    commit: "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d",
    ready_replicas: 1,
    replicas: 1,
    restarts: 0,
    since: ago(8000),
    containers: [{ id: "1", name: `${name}-1a2b3c4d-1`, state: "running" }],
    ...change,
  };
}

function status(change: Record<string, unknown> = {}): ShownStatus {
  return parseStatus(JSON.stringify({ node, deployments: {}, services: {}, diagnostics: [], ...change }));
}

const well = status({
  deployments: {
    api: deployment("api", { ready_replicas: 2, replicas: 2, since: ago(90) }),
    database: deployment("database", { state: "suspended", message: "left as it is (suspend: true)" }),
  },
  services: {
    api: {
      name: "api",
      deployment: "api",
      domain: "api.example.com",
      ssl: true,
      state: "active",
      upstreams: ["10.0.0.2:80", "10.0.0.3:80"],
      message: "",
      certificate: { issuer: "Let's Encrypt", expires: ago(-64 * 86_400) },
    },
  },
});

const ill = status({
  node: {
    ...node,
    sync_error: "git.example.com refuses the deploy key: add it to the repository again",
    engine_error: null,
    last_sync_time: ago(4000),
  },
  deployments: {
    api: deployment("api", {
      state: "rolled_back",
      message: "api-5e6f7a8b-1 was not ready within 2 m; the one before goes on serving",
      restarts: 3,
      since: ago(300),
      probes: [
        "12:01:04 http localhost:8080/ready: answered 503",
        "12:01:06 http localhost:8080/ready: answered 503",
      ],
      logs: [
        "\u001b[31mfatal\u001b[0m: no database",
        "bye\u001b[2J\u001b]0;owned\u0007\u202e\r\n[ok] all is well",
      ],
    }),
    worker: deployment("worker", {
      state: "pulling",
      message: "",
      ready_replicas: 0,
      image: null,
      commit: null,
    }),
  },
  services: {
    api: {
      name: "api",
      deployment: "api",
      domain: "api.example.com",
      ssl: true,
      state: "active",
      upstreams: ["10.0.0.2:80"],
      message: "",
      certificate: { issuer: "Let's Encrypt", expires: ago(-3 * 86_400) },
    },
    shop: {
      name: "shop",
      deployment: "api",
      domain: "api.example.com",
      ssl: false,
      state: "held",
      upstreams: [],
      message: "api.example.com is already served by service 'api'",
      certificate: null,
    },
  },
  diagnostics: [
    {
      file: "deployments/cron.yaml",
      line: 7,
      column: 3,
      severity: "error",
      message: "unknown field 'imagee': did you mean 'image'?",
    },
    {
      file: "nodes/web-01.yaml",
      line: 9,
      column: 3,
      severity: "warning",
      message: "dataDir changed:\nnot followed",
    },
  ],
});

describe("what orun status shows", () => {
  it("of a node where all is well", () => {
    golden("status-well.txt", renderStatus(well, NOW, PIPE));
    assert.equal(isWell(well), true);
  });

  it("of a node with troubles: reasons, ages, last words, findings with file and line", () => {
    golden("status-ill.txt", renderStatus(ill, NOW, PIPE));
    assert.equal(isWell(ill), false);
  });

  it("of an agent that has not begun", () => {
    golden(
      "status-new.txt",
      renderStatus(status({ node: { ...node, git_head: null, last_sync_time: null } }), NOW, PIPE),
    );
  });

  it("of a fleet, with nodes that do not answer", () => {
    const answers: NodeAnswer[] = [
      { node: "web-01", status: well, error: null },
      { node: "web-02", status: ill, error: null },
      {
        node: "web-03",
        status: null,
        error: "ssh to root@192.0.2.3 failed: no answer within 15 s.\u001b[2J",
      },
      {
        node: "web-04",
        status: status({ node: { ...node, name: "web-04", manifest: "missing" } }),
        error: null,
      },
    ];
    golden("status-fleet.txt", renderFleet(answers, NOW, PIPE));
  });

  it("in narrow terminals: no line of a table is wider, names and states stay", () => {
    for (const columns of [110, 80, 60, 40]) {
      const text = renderStatus(ill, NOW, wide(columns));
      golden(`status-${String(columns)}.txt`, text);
      for (const line of text
        .split("\n")
        .filter((item) => /^(DEPLOYMENT|SERVICE|api |worker |shop )/.test(item)))
        assert.ok(line.length <= columns, `${String(columns)}: ${line}`);
      assert.match(text, /^api +rolled_back/m);
    }
  });

  it("in colours that take nothing but room for themselves", () => {
    const coloured = renderStatus(ill, NOW, wide(110, true));
    assert.match(coloured, /\u001b\[31mrolled_back *\u001b\[0m/);
    assert.equal(coloured.replace(/\u001b\[\d+m/g, ""), renderStatus(ill, NOW, wide(110)));
  });

  it("without anything that could steer a terminal", () => {
    for (const text of [renderStatus(ill, NOW, PIPE), asJson(ill)])
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    assert.deepEqual(JSON.parse(asJson(ill)), ill);
  });

  it("of agents older and newer than itself", () => {
    const old = parseStatus(
      JSON.stringify({
        node: { name: "n", environment: "e", version: "0", git_branch: "main", later: 1 },
        deployments: { a: { name: "a", state: "running" } },
        novelty: {},
      }),
    );
    assert.match(renderStatus(old, NOW, PIPE), /^a +running +-\/-$/m);
    assert.equal(isWell(old), true);
    assert.throws(() => parseStatus("<html>"), /no orun agent/);
    assert.throws(() => parseStatus("{}"), /no orun agent/);
  });

  it("is not well as soon as anything is not", () => {
    assert.equal(isWell(status({ node: { ...node, sync_error: "x" } })), false);
    assert.equal(isWell(status({ node: { ...node, engine_error: "x" } })), false);
    assert.equal(isWell(status({ node: { ...node, ingress_error: "x" } })), false);
    assert.equal(isWell(status({ deployments: { a: deployment("a", { state: "starting" }) } })), false);
    assert.equal(
      isWell(
        status({ services: { a: { name: "a", state: "rejected" }, b: { name: "b", state: "active" } } }),
      ),
      false,
    );
    const finding = { file: "a", line: 1, column: 1, severity: "warning", message: "" };
    assert.equal(isWell(status({ diagnostics: [finding] })), true);
    assert.equal(isWell(status({ diagnostics: [{ ...finding, severity: "error" }] })), false);
  });
});

describe("a terminal", () => {
  it("is coloured unless it is none, or NO_COLOR or TERM says no", () => {
    const tty = { isTTY: true, columns: 80, rows: 24 };
    assert.equal(terminalOf(tty, {}).colours, true);
    assert.equal(terminalOf(tty, { NO_COLOR: "" }).colours, true);
    assert.equal(terminalOf(tty, { NO_COLOR: "1" }).colours, false);
    assert.equal(terminalOf(tty, { TERM: "dumb" }).colours, false);
    assert.deepEqual(terminalOf({}, {}), PIPE);
    assert.equal(terminalOf({ isTTY: true, columns: 0, rows: 0 }, {}).size, null);
    assert.equal(paintFor(PIPE)("red", "x"), "x");
  });

  it("is drawn over without scrolling, and says what does not fit", () => {
    const drawn = repaint("one\ntwo\nthree\nfour\n", { columns: 80, rows: 4 });
    assert.equal(
      drawn,
      "\u001b[Hone\u001b[K\ntwo\u001b[K\n… 2 more lines: make the terminal higher\u001b[K\n\u001b[J",
    );
    assert.equal(repaint("1234567890ab\nx", { columns: 10, rows: 3 }).includes("x"), false);
    assert.equal(repaint("\u001b[31mx\u001b[0m\ny\n", { columns: 2, rows: 3 }).includes("y"), true);
  });
});
