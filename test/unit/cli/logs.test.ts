import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogLine, LogQuery } from "../../../src/agent/ports.ts";
import { followLogs } from "../../../src/cli/logs/follow.ts";
import { safeLogLine } from "../../../src/cli/logs/safe-line.ts";
import { until } from "../../testbed/wait.ts";

describe("a log line on a terminal", () => {
  it("keeps colours where they are wanted, ended with the line, and nothing else", () => {
    assert.equal(safeLogLine("a\u001b[1;31mred", true), "a\u001b[1;31mred\u001b[0m");
    assert.equal(safeLogLine("a\u001b[1;31mred\u001b[0m", false), "ared");
    assert.equal(safeLogLine("plain\ttab", true), "plain\ttab");
  });

  it("shows what would steer the terminal as text", () => {
    for (const colours of [true, false]) {
      assert.equal(safeLogLine("\u001b[2J\u001b]0;t\u0007", colours), "\\u001b[2J\\u001b]0;t\\u0007");
      assert.equal(safeLogLine("a\rb\u009b31m\u202e", colours), "a\\u000db\\u009b31m\\u202e");
    }
  });
});

describe("following a deployment", () => {
  const line = (text: string, time: number): LogLine => ({ stream: "stdout", text, time });

  it("goes on with the containers that a release and a restart bring, and ends when told", async () => {
    const stop = new AbortController();
    const queries: [string, LogQuery][] = [];
    const seen: string[] = [];
    let running = [{ id: "old", name: "app-old-1" }];
    const following = followLogs(
      running,
      5,
      {
        running: () => Promise.resolve(running),
        read(id, query, onLine, signal) {
          queries.push([id, query]);
          onLine(line(`from ${id}`, 100));
          // The old container ends; the new one goes on until it is told to stop.
          if (id === "old") return Promise.resolve();
          return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
        },
        onLine: ({ name }, { text }) => seen.push(`${name}: ${text}`),
      },
      stop.signal,
    );
    await until("the old one is read again", () => queries.length >= 2);
    running = [{ id: "new", name: "app-new-1" }];
    await until("the new one is read", () => seen.includes("app-new-1: from new"));
    stop.abort();
    await following;
    assert.deepEqual(queries[0], ["old", { tail: null, since: 5, follow: true }]);
    // After a restart: what came after the last line.
    assert.deepEqual(queries[1], ["old", { tail: null, since: 101, follow: true }]);
    // A container that is new: from its start.
    assert.deepEqual(queries.at(-1), ["new", { tail: null, since: null, follow: true }]);
  });

  it("fails when the first container cannot be read at all", async () => {
    await assert.rejects(
      followLogs(
        [{ id: "a", name: "a" }],
        null,
        {
          running: () => Promise.resolve([]),
          read: () => Promise.reject(new Error("the engine does not answer")),
          onLine: () => undefined,
        },
        new AbortController().signal,
      ),
      /does not answer/,
    );
  });
});
