/** What speaks against going on, before anything is changed. */
import { instancePaths } from "./layout.ts";
import type { Facts } from "./facts.ts";
import type { Wanted } from "./wanted.ts";

export interface Judgement {
  /** Each: what was found, and what to do. Not empty: nothing is done. */
  problems: readonly string[];
  /** Worth knowing; no reason to stop. */
  warnings: readonly string[];
}

const oldest: Readonly<Record<string, number>> = { debian: 11, ubuntu: 20.04 };
const mebibyte = 1024;

/** Judges a host. `now`: seconds since the epoch on the operator's machine. */
export function judge(facts: Facts, wanted: Wanted, now: number): Judgement {
  const problems = [
    ...system(facts, wanted),
    ...disk(facts, wanted),
    ...clock(facts.time - now),
    ...ports(facts, wanted),
    ...otherNode(facts, wanted),
    ...sharedState(facts, wanted),
  ];
  if (facts.engine.state === "stopped") {
    problems.push(
      "Docker is installed, and no engine answers. It is left alone: start it (systemctl enable --now docker), or see why it does not run (journalctl -u docker).",
    );
  }
  return { problems, warnings: [...strangers(facts), ...slightlyOff(facts.time - now)] };
}

/** What the executable for a machine is called: `x64`, `arm64`; null: there is none. */
export function architectureOf(machine: string): "x64" | "arm64" | null {
  return machine === "x86_64" ? "x64" : machine === "aarch64" || machine === "arm64" ? "arm64" : null;
}

function system(facts: Facts, wanted: Wanted): string[] {
  const problems: string[] = [];
  const { id, version, name } = facts.os;
  const minimum = oldest[id];
  if (minimum === undefined) {
    problems.push(`The host runs ${name}: bootstrap knows Debian 11 and later, and Ubuntu 20.04 and later.`);
  } else if (version !== "" && Number(version) < minimum) {
    problems.push(
      `The host runs ${name}, which is too old: at least ${id} ${String(minimum)} is needed. Upgrade it.`,
    );
  }
  if (facts.systemd === null) {
    problems.push("systemd does not run there as the service manager: the agent is a service of systemd.");
  }
  if (facts.uid !== 0) {
    problems.push(
      `Commands there run as user id ${String(facts.uid)}, not as root: set spec.user to root, or to a user with sudo.`,
    );
  }
  const architecture = architectureOf(facts.machine);
  if (architecture === null) {
    problems.push(`The host's architecture is ${facts.machine}: orun exists for x86_64 and aarch64.`);
  } else if (wanted.executable.architecture !== architecture) {
    problems.push(
      `The host is ${architecture}, and ${wanted.executable.path} is for ${wanted.executable.architecture}: give the right one with --executable orun-linux-${architecture}.`,
    );
  }
  return problems;
}

function disk(facts: Facts, wanted: Wanted): string[] {
  const uploaded = [...facts.executables.values()].includes(wanted.executable.sha256);
  const needed: [string, number, string][] = [
    ["/usr/local", uploaded ? 1 : 400, "the executable"],
    ["/var/lib", facts.engine.state === "absent" ? 1024 : 100, "Docker and the agent's state"],
  ];
  return needed.flatMap(([place, least, what]) => {
    const free = facts.disk.get(place);
    if (free === undefined || free >= least * mebibyte) return [];
    return [
      `The disk is full: ${String(Math.floor(free / mebibyte))} MiB are free at ${place}, and ${what} need${what.includes(" and ") ? "" : "s"} ${String(least)} MiB. Free some space there.`,
    ];
  });
}

function clock(skew: number): string[] {
  if (Math.abs(skew) <= 300) return [];
  return [
    `The host's clock is ${String(Math.abs(skew))} s ${skew > 0 ? "ahead of" : "behind"} this machine's: certificates would be refused. Set the one that is wrong (timedatectl set-ntp true).`,
  ];
}

function slightlyOff(skew: number): string[] {
  if (Math.abs(skew) <= 20 || Math.abs(skew) > 300) return [];
  return [
    `The host's clock is ${String(Math.abs(skew))} s ${skew > 0 ? "ahead of" : "behind"} this machine's.`,
  ];
}

function ports(facts: Facts, wanted: Wanted): string[] {
  const { httpPort, httpsPort } = wanted.spec.ingress ?? { httpPort: 80, httpsPort: 443 };
  const installed = facts.agents.has(instancePaths(wanted.environment).configuration);
  const asked: [number, string][] = [
    [httpPort, "Stop it, or give the node another port: spec.ingress.httpPort of the Node."],
    [httpsPort, "Stop it, or give the node another port: spec.ingress.httpsPort of the Node."],
  ];
  // An agent that is there already has its port, or says in its log why not.
  if (!installed) asked.push([wanted.statusPort, "Stop it, or give the agent another port: --status-port."]);
  return asked.flatMap(([port, advice]) => {
    const taken = facts.listeners.find((listener) => listener.port === port);
    if (taken === undefined || (taken.process === "caddy" && hasIngress(facts))) return [];
    const who = taken.pid === null ? "something" : `'${taken.process}' (pid ${String(taken.pid)})`;
    return [`Port ${String(port)} is taken by ${who}. ${advice}`];
  });
}

/** Any agent's on this engine: it serves all of them. */
function hasIngress(facts: Facts): boolean {
  return facts.agents.size > 0;
}

function otherNode(facts: Facts, wanted: Wanted): string[] {
  const { configuration } = instancePaths(wanted.environment);
  const configured = /^node: *"?([^"\n]*)"?$/m.exec(facts.agents.get(configuration) ?? "")?.[1];
  const container = facts.containers.find(
    (item) => item.environment === wanted.environment && item.node !== "" && item.node !== wanted.name,
  );
  const other = configured !== undefined && configured !== wanted.name ? configured : container?.node;
  if (other === undefined) return [];
  return [
    `This host is node '${other}' in environment '${wanted.environment}' already (${configured === other ? configuration : `container ${container?.name ?? ""}`}). Use that name, or remove that agent first: orun uninstall nodes/${other}.yaml --workloads`,
  ];
}

function sharedState(facts: Facts, wanted: Wanted): string[] {
  const own = instancePaths(wanted.environment).configuration;
  const bare = (folder: string): string => folder.replace(/\/+$/, "");
  for (const [path, text] of facts.agents) {
    const folder = /^dataDir: *"?([^"\n]*)"?$/m.exec(text)?.[1];
    if (path === own || folder === undefined || bare(folder) !== bare(wanted.spec.dataDir)) continue;
    return [
      `Another agent there (${path}) has its state in ${wanted.spec.dataDir}: give this node another folder, such as spec.dataDir: ${bare(folder)}/${wanted.environment}.`,
    ];
  }
  return [];
}

function strangers(facts: Facts): string[] {
  const names = facts.containers.filter((item) => item.node === "" && !item.ingress).map((item) => item.name);
  if (names.length === 0) return [];
  const shown = names.slice(0, 5).join(", ");
  return [
    `${String(names.length)} container${names.length === 1 ? "" : "s"} on this host ${names.length === 1 ? "is" : "are"} not orun's (${shown}${names.length > 5 ? ", …" : ""}): left alone, now and later.`,
  ];
}
