/** What is known about a host before anything is done to it. */
import { factsScript } from "./facts-script.ts";

export interface Facts {
  os: { id: string; version: string; name: string };
  /** As `uname -m` says it. */
  machine: string;
  uid: number;
  /** Seconds since the epoch, by the host's clock. */
  time: number;
  /** Version of systemd; null: it does not manage the host. */
  systemd: number | null;
  /** KiB free by place. */
  disk: ReadonlyMap<string, number>;
  /** Of those asked about, the ones that are installed. */
  packages: ReadonlySet<string>;
  listeners: readonly { port: number; pid: number | null; process: string }[];
  /** `absent` also with a docker command alone; `stopped`: installed, and nothing answers. */
  engine: { state: "absent" } | { state: "stopped" } | { state: "running"; version: string };
  containers: readonly { id: string; name: string; node: string; environment: string; ingress: boolean }[];
  /** What /usr/local/bin/orun leads to. */
  link: string | null;
  /** sha256 by path. */
  executables: ReadonlyMap<string, string>;
  /** Contents of agent.yaml by path. */
  agents: ReadonlyMap<string, string>;
  units: ReadonlyMap<string, { enabled: boolean; active: boolean }>;
  folders: ReadonlyMap<string, { mode: string; uid: number }>;
  files: ReadonlyMap<string, { mode: string; uid: number; sha256: string }>;
}

export interface Questions {
  paths: readonly string[];
  packages: readonly string[];
  ports: readonly number[];
  units: readonly string[];
}

/** The command that looks, for {@link parseFacts} to read. */
export function factsCommand(questions: Questions): string[] {
  const ports = questions.ports.map((port) => port.toString(16).toUpperCase().padStart(4, "0"));
  const script = factsScript
    .replace("$PACKAGES", questions.packages.join(" "))
    .replace("$PORTS", ports.join("|"))
    .replace("$UNITS", questions.units.join(" "));
  return ["sh", "-c", script, "orun-facts", ...questions.paths];
}

/**
 * Reads what {@link factsCommand} printed.
 * @throws {Error} when the host's answer is cut short.
 */
export function parseFacts(output: string): Facts {
  const values = new Map<string, string[]>();
  for (const line of output.split("\n")) {
    const tab = line.indexOf("\t");
    if (tab < 0) continue;
    const name = line.slice(0, tab);
    values.set(name, [...(values.get(name) ?? []), line.slice(tab + 1)]);
  }
  if (!values.has("end"))
    throw new Error("the host's answer about itself was cut short: run the command again");
  const all = (name: string): string[] => values.get(name) ?? [];
  const first = (name: string): string => all(name)[0] ?? "";
  const words = (name: string): string[][] => all(name).map((value) => value.split(" "));
  const [id = "", version = ""] = first("os").split(" ");
  const engine = first("engine");
  return {
    os: { id, version, name: first("osname") },
    machine: first("arch"),
    uid: Number(first("uid")),
    time: Number(first("time")),
    systemd: values.has("systemd") ? Number.parseInt(first("systemd"), 10) : null,
    disk: new Map(words("disk").map(([place = "", free = ""]) => [place, Number(free)])),
    packages: new Set(
      words("package").flatMap(([name = "", status]) => (status === "installed" ? [name] : [])),
    ),
    listeners: words("listens").map(([port = "", pid = "", ...process]) => ({
      port: Number(port),
      pid: /^\d+$/.test(pid) ? Number(pid) : null,
      process: process.join(" "),
    })),
    engine:
      engine !== ""
        ? { state: "running", version: engine }
        : { state: values.has("dockerd") ? "stopped" : "absent" },
    containers: words("container").map(([container = "", name = "", owner = ""]) => {
      const [node = "", environment = "", ingress = ""] = owner.split("/");
      return { id: container, name, node, environment, ingress: ingress !== "" };
    }),
    link: first("link") === "" ? null : first("link"),
    executables: new Map(words("executable").map(([path = "", sha256 = ""]) => [path, sha256])),
    agents: new Map(
      words("agent").map(([path = "", content = ""]) => [
        path,
        Buffer.from(content, "base64").toString("utf8"),
      ]),
    ),
    units: new Map(
      words("unit").map(([name = "", enabled, active]) => [
        name,
        { enabled: enabled === "enabled", active: active === "active" || active === "activating" },
      ]),
    ),
    folders: new Map(
      words("folder").map(([mode = "", uid = "", ...path]) => [path.join(" "), { mode, uid: Number(uid) }]),
    ),
    files: new Map(
      words("file").map(([mode = "", uid = "", sha256 = "", ...path]) => [
        path.join(" "),
        { mode, uid: Number(uid), sha256 },
      ]),
    ),
  };
}
