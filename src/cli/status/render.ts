import { escapeControl } from "../../manifest/text.ts";
import { safeLogLine } from "../logs/safe-line.ts";
import { type Cell, type Column, renderTable } from "../table.ts";
import { paintFor, type Paint, type Terminal } from "../terminal.ts";
import { age, span } from "./age.ts";
import type { ShownStatus } from "./shape.ts";

/** A node's answer, or why there is none. */
export type NodeAnswer =
  | { node: string; status: ShownStatus; error: null }
  | { node: string; status: null; error: string };

const DEPLOYMENT: readonly Column[] = [
  { title: "NODE", rank: null, shortest: null },
  { title: "DEPLOYMENT", rank: null, shortest: null },
  { title: "STATE", rank: null, shortest: null },
  { title: "READY", rank: 5, shortest: null },
  { title: "SINCE", rank: 4, shortest: null },
  { title: "RESTARTS", rank: 2, shortest: null, align: "right" },
  { title: "COMMIT", rank: 1, shortest: null },
  { title: "IMAGE", rank: 3, shortest: 20 },
];
const SERVICE: readonly Column[] = [
  { title: "NODE", rank: null, shortest: null },
  { title: "SERVICE", rank: null, shortest: null },
  { title: "STATE", rank: null, shortest: null },
  { title: "UPSTREAMS", rank: 1, shortest: null, align: "right" },
  { title: "URL", rank: 4, shortest: 24 },
  { title: "DEPLOYMENT", rank: 2, shortest: null },
  { title: "CERTIFICATE", rank: 3, shortest: null },
];

/** One node's status for people. `now` in ms since the epoch. Nothing in it can steer a terminal. */
export function renderStatus(status: ShownStatus, now: number, terminal: Terminal): string {
  const paint = paintFor(terminal);
  const { node } = status;
  const head = node.git_head?.slice(0, 8) ?? "nothing yet";
  const synced = node.last_sync_time === null ? "" : `, Git answered ${age(node.last_sync_time, now)} ago`;
  const answers: NodeAnswer[] = [{ node: node.name, status, error: null }];
  return finish([
    `${paint("bold", escapeControl(node.name))} (${escapeControl(node.environment)}): branch ${escapeControl(node.git_branch)} at ${escapeControl(head)}${synced}, orun ${escapeControl(node.version)}`,
    ...warnings(answers, paint, false),
    "",
    ...deploymentTable(answers, now, terminal, paint, false),
    ...serviceTable(answers, now, terminal, paint, false),
    ...troubles(answers, now, paint, false),
  ]);
}

/** The status of several nodes in one table; one that did not answer is shown as such, with why. */
export function renderFleet(answers: readonly NodeAnswer[], now: number, terminal: Terminal): string {
  const paint = paintFor(terminal);
  const silent = answers.filter(({ status }) => status === null).length;
  const counted = `${String(answers.length)} node${answers.length === 1 ? "" : "s"}`;
  return finish([
    silent === 0
      ? `${counted}, all answer`
      : `${counted}, ${paint("red", `${String(silent)} without an answer`)}`,
    ...warnings(answers, paint, true),
    "",
    ...deploymentTable(answers, now, terminal, paint, true),
    ...serviceTable(answers, now, terminal, paint, true),
    ...troubles(answers, now, paint, true),
  ]);
}

/** What concerns a node as a whole. */
function warnings(answers: readonly NodeAnswer[], paint: Paint, named: boolean): string[] {
  return answers.flatMap(({ node, status, error }) => {
    const said =
      status === null
        ? [`no answer: ${error}`]
        : [
            status.node.sync_error,
            status.node.engine_error,
            status.node.ingress_error,
            status.node.manifest === "missing" && status.node.git_head !== null
              ? `no manifest of a Node is called '${status.node.name}': the agent runs on its flags and defaults`
              : null,
          ].filter((item) => item !== null);
    return said.map(
      (item) => `${paint("red", "!")} ${named ? `${escapeControl(node)}: ` : ""}${escapeControl(item)}`,
    );
  });
}

function deploymentTable(
  answers: readonly NodeAnswer[],
  now: number,
  terminal: Terminal,
  paint: Paint,
  named: boolean,
): string[] {
  const rows = answers.flatMap(({ node, status }): Cell[][] => {
    if (status === null)
      return [[plain(node), plain("-"), { text: "no answer", paint: (text) => paint("red", text) }]];
    const items = Object.values(status.deployments);
    if (items.length === 0) return named ? [[plain(node), plain("-"), plain("-")]] : [];
    return items.map((item) => [
      plain(node),
      plain(item.name),
      stateCell(item.state, paint),
      plain(`${count(item.ready_replicas)}/${count(item.replicas)}`),
      plain(age(item.since, now)),
      plain(count(item.restarts)),
      plain(item.commit?.slice(0, 8) ?? "-"),
      plain(item.image ?? "-"),
    ]);
  });
  return rows.length === 0 ? ["no deployments"] : table(DEPLOYMENT, rows, terminal, paint, named);
}

function serviceTable(
  answers: readonly NodeAnswer[],
  now: number,
  terminal: Terminal,
  paint: Paint,
  named: boolean,
): string[] {
  const rows = answers.flatMap(({ node, status }): Cell[][] =>
    Object.values(status?.services ?? {}).map((item) => [
      plain(node),
      plain(item.name),
      stateCell(item.state, paint),
      plain(String(item.upstreams.length)),
      plain(item.domain === null ? "-" : `${item.ssl ? "https" : "http"}://${item.domain}`),
      plain(item.deployment ?? "-"),
      certificateCell(item.certificate, now, paint),
    ]),
  );
  return rows.length === 0 ? [] : ["", ...table(SERVICE, rows, terminal, paint, named)];
}

function table(
  columns: readonly Column[],
  rows: readonly Cell[][],
  terminal: Terminal,
  paint: Paint,
  named: boolean,
): string[] {
  const from = named ? 0 : 1;
  return renderTable(
    columns.slice(from),
    rows.map((row) => row.slice(from)),
    terminal.size?.columns ?? null,
    (text) => paint("dim", text),
  );
}

/** Below the tables: why something is not as it should be, with its history, and the findings about manifests. */
function troubles(answers: readonly NodeAnswer[], now: number, paint: Paint, named: boolean): string[] {
  return answers.flatMap(({ node, status }) => {
    if (status === null) return [];
    const prefix = named ? `${escapeControl(node)}: ` : "";
    const deployments = Object.values(status.deployments)
      .filter(({ message }) => message !== "")
      .flatMap((item) => [
        "",
        `${prefix}${paint("bold", escapeControl(item.name))}: ${item.state === "running" ? "" : `${escapeControl(item.state)} for ${age(item.since, now)}: `}${escapeControl(item.message)}`,
        ...item.probes.slice(-3).map((probe) => `  ${escapeControl(probe)}`),
        ...item.logs.slice(-5).map((line) => `  ${paint("dim", "|")} ${safeLogLine(line, false)}`),
      ]);
    const services = Object.values(status.services)
      .filter(({ message }) => message !== "")
      .flatMap((item) => [
        "",
        `${prefix}service ${paint("bold", escapeControl(item.name))}: ${escapeControl(item.state)}: ${escapeControl(item.message)}`,
      ]);
    const findings = status.diagnostics.map(
      ({ file, line, column, severity, message }) =>
        `${prefix}${paint("bold", `${escapeControl(file)}:${String(line)}:${String(column)}:`)} ${paint(severity === "error" ? "red" : "yellow", `${escapeControl(severity)}:`)} ${escapeControl(message)}`,
    );
    return [...deployments, ...services, ...(findings.length === 0 ? [] : ["", ...findings])];
  });
}

function plain(text: string): Cell {
  return { text: escapeControl(text) };
}

function count(value: number | null): string {
  return value === null ? "-" : String(value);
}

function stateCell(state: string, paint: Paint): Cell {
  return { text: escapeControl(state), paint: (text) => paint(stateColour(state), text) };
}

function stateColour(state: string): "green" | "yellow" | "red" | "dim" {
  switch (state) {
    case "running":
    case "active":
      return "green";
    case "suspended":
    case "inactive":
      return "dim";
    case "degraded":
    case "rolled_back":
    case "failed":
    case "held":
    case "rejected":
      return "red";
    default:
      return "yellow";
  }
}

/** Who issued it and how long it is good for; one that runs out within two weeks should have been renewed by now. */
function certificateCell(
  certificate: { issuer: string; expires: string } | null,
  now: number,
  paint: Paint,
): Cell {
  if (certificate === null) return { text: "-" };
  const seconds = (Date.parse(certificate.expires) - now) / 1000;
  const issuer = escapeControl(certificate.issuer);
  if (Number.isNaN(seconds)) return { text: issuer };
  const colour = seconds < 0 ? "red" : seconds < 14 * 86_400 ? "yellow" : null;
  const text = seconds < 0 ? `${issuer}, expired` : `${issuer}, ${span(seconds)} left`;
  return colour === null ? { text } : { text, paint: (padded) => paint(colour, padded) };
}

function finish(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
