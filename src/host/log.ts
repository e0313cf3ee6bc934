import { pino } from "pino";
import type { AgentEvent } from "../agent/events.ts";
import { escapeControl } from "../manifest/diagnostic.ts";
import { describe } from "../plan/describe.ts";

export type LogFormat = "json" | "journald" | "human";
type Level = "debug" | "info" | "warn" | "error";

/** How a log is written here: for journald with priorities, for people on a terminal, else one JSON object a line. */
export function logFormat(): LogFormat {
  if (process.env["JOURNAL_STREAM"] !== undefined) return "journald";
  return process.stdout.isTTY ? "human" : "json";
}

/** Writes events as one escaped line each. The stream's reader decides nothing: level and words come from the event. */
export function createEventLog(
  format: LogFormat,
  write: (line: string) => void,
): (event: AgentEvent) => void {
  const priority: Record<Level, string> = { debug: "<7>", info: "<6>", warn: "<4>", error: "<3>" };
  const stream = (level: Level): { write(line: string): void } => ({
    write: (line) => write(format === "journald" ? `${priority[level]}${line}` : line),
  });
  const options = {
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: rounded },
  };
  const loggers = {
    debug: pino(options, stream("debug")),
    info: pino(options, stream("info")),
    warn: pino(options, stream("warn")),
    error: pino(options, stream("error")),
  };
  return (event) => {
    const { level, message } = sentence(event);
    if (level === "debug") return;
    if (format === "human") {
      const mark = level === "info" ? " " : level === "warn" ? "!" : "✗";
      write(`${new Date().toISOString().slice(11, 19)} ${mark} ${escapeControl(message)}\n`);
      return;
    }
    loggers[level][level](event, escapeControl(message));
  };
}

/** Times are whole ms in the log: the clock's fractions only make it hard to read. */
function rounded(event: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(event).map(([key, value]) => [key, typeof value === "number" ? Math.round(value) : value]),
  );
}

/** What an event says to a person. */
function sentence(event: AgentEvent): { level: Level; message: string } {
  switch (event.type) {
    case "agent.started":
      return {
        level: "info",
        message: `orun ${event.version} follows branch ${event.branch} as node ${event.node}, environment ${event.environment}, engine ${event.engine}`,
      };
    case "agent.stopped":
      return { level: "info", message: "stopped; the containers go on running" };
    case "engine.lost":
      return { level: "error", message: `${event.message}; next try in ${seconds(event.retryInMs)}` };
    case "engine.found":
      return { level: "info", message: "the engine answers again" };
    case "git.failed":
      return {
        level: "warn",
        message: `Git: ${event.message}; what runs stays as it is; next try in ${seconds(event.retryInMs)}`,
      };
    case "git.recovered":
      return { level: "info", message: "Git answers again" };
    case "commit.accepted":
      return {
        level: "info",
        message: `commit ${event.commit.slice(0, 8)} "${event.subject}": ${String(event.deployments)} deployments, ${String(event.diagnostics)} findings`,
      };
    case "commit.held":
      return { level: "warn", message: event.message };
    case "action.done":
      return {
        level: "info",
        message: `${event.deployment}: ${describe(event.action)} in ${seconds(event.durationMs)}`,
      };
    case "action.failed":
      return {
        level: "warn",
        message: `${event.deployment}: ${describe(event.action)} failed: ${event.message}; next try in ${seconds(event.retryInMs)}`,
      };
    case "image.pulled":
      return {
        level: "info",
        message: `${event.deployment}: image ${event.image} in hand${event.digest === null ? "" : ` (${event.digest})`} in ${seconds(event.durationMs)}`,
      };
    case "image.failed":
      return {
        level: "warn",
        message: `${event.deployment}: image ${event.image}: ${event.message}; next try in ${seconds(event.retryInMs)}`,
      };
    case "rollout.failed":
      return {
        level: "error",
        message: `${event.deployment}: revision ${event.revision.slice(0, 8)} failed: ${event.message}; ${event.returned ? "back to the last good one" : "there is nothing to return to, it is tried again"}`,
      };
    case "deployment.ready":
      return {
        level: "info",
        message: `${event.deployment}: revision ${event.revision.slice(0, 8)} of commit ${event.commit.slice(0, 8)} is proven${event.gapMs === null ? "" : `; nothing served for ${seconds(event.gapMs)}`}`,
      };
    case "deployment.state":
      return {
        level: event.to === "degraded" || event.to === "failed" || event.to === "held" ? "warn" : "info",
        message: `${event.deployment}: ${event.from ?? "new"} -> ${event.to}${event.message === "" ? "" : `: ${event.message}`}`,
      };
    case "container.crashed":
      return {
        level: "error",
        message: `${event.deployment}: ${event.container} exited with code ${String(event.exitCode)}${event.logs.length === 0 ? "" : `; last log line: ${event.logs.at(-1) ?? ""}`}`,
      };
    case "container.restarted":
      return {
        level: "warn",
        message: `${event.deployment}: ${event.container} is restarted: ${event.reason}${event.probes.length === 0 ? "" : ` (${event.probes.at(-1) ?? ""})`}`,
      };
    case "service.state":
      return {
        level: event.to === "active" ? "info" : "warn",
        message: `service ${event.service}: ${event.to}${event.message === "" ? "" : `: ${event.message}`}`,
      };
    case "ingress.failed":
      return {
        level: "error",
        message: `ingress: ${event.message}; next try in ${seconds(event.retryInMs)}`,
      };
    case "ingress.recovered":
      return { level: "info", message: "ingress: in line again" };
    case "image.removed":
      return { level: "info", message: `image ${event.image} removed: nothing uses it` };
    case "warning":
      return { level: "warn", message: event.message };
  }
}

function seconds(ms: number): string {
  return ms < 1000 ? `${String(Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}
