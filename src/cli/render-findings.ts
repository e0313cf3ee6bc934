import type { Finding } from "../doctor/finding.ts";
import { escapeControl } from "../manifest/text.ts";
import { paintFor, type Terminal } from "./terminal.ts";

const COLOUR = { ok: "green", warn: "yellow", fail: "red" } as const;

/** Findings for people: a line each, and below it what to do; at the end how many there are of what kind. */
export function renderFindings(findings: readonly Finding[], terminal: Terminal): string {
  const paint = paintFor(terminal);
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, level, message, advice }) => [
    `${paint(COLOUR[level], level.padEnd(4))}  ${check.padEnd(width)}  ${escapeControl(message)}`,
    ...(advice === null ? [] : [`${" ".repeat(width + 8)}-> ${escapeControl(advice)}`]),
  ]);
  const count = (level: Finding["level"]): number => findings.filter((one) => one.level === level).length;
  const [failed, warned] = [count("fail"), count("warn")];
  const summary =
    failed + warned === 0
      ? "all well"
      : `${failed} to repair, ${warned} to look at, ${count("ok")} all right`;
  return `${lines.join("\n")}\n\n${summary}\n`;
}
