import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentEvent } from "../../../src/agent/events.ts";
import { createEventLog, type LogFormat } from "../../../src/host/log.ts";

const failed: AgentEvent = {
  type: "git.failed",
  message: "the server said \u001b[31m\nno\u2028",
  retryInMs: 10_012.345678,
};

function logged(format: LogFormat, event: AgentEvent): string {
  const lines: string[] = [];
  createEventLog(format, (line) => lines.push(line))(event);
  assert.equal(lines.length, 1);
  return lines[0] ?? "";
}

test("an event is one JSON object on one line, with whole milliseconds", () => {
  const line = logged("json", failed);
  assert.match(line, /^\{[^\n]*\}\n$/);
  const parsed: unknown = JSON.parse(line);
  assert.ok(typeof parsed === "object" && parsed !== null && "retryInMs" in parsed && "level" in parsed);
  assert.deepEqual([parsed.level, parsed.retryInMs], ["warn", 10_012]);
});

test("under journald the line begins with its priority, and stays one JSON object", () => {
  const line = logged("journald", failed);
  assert.match(line, /^<4>\{[^\n]*\}\n$/);
});

test("for people it is one line whose words cannot steer the terminal", () => {
  const line = logged("human", failed);
  assert.match(line, /^\d\d:\d\d:\d\d ! Git: [^\u0000-\u001f\u2028]*\n$/);
});
