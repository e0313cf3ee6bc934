/** What has to be done to a host: from what it is to what it should be. Pure; whatever is so already is left out. */
import { createHash } from "node:crypto";
import { renderAgentConfiguration } from "./agent-configuration.ts";
import type { Facts, Questions } from "./facts.ts";
import { engineConfiguration, executablePath, folders, instanceOf, instancePaths, link } from "./layout.ts";
import type { Operation, Step } from "./operation.ts";
import { UNIT_PATH, unitName, unitPaths, unitText } from "./unit.ts";
import { upgradeOperations, upgradeUnit } from "./upgrade.ts";
import type { Request, Wanted } from "./wanted.ts";

const basePackages = ["ca-certificates", "git", "openssh-client"];
const quick = 30_000;
/** Tried in this order by agents that share a host. */
const statusPorts = Array.from({ length: 20 }, (_, index) => 9100 + index);
const apt = ["env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_MODE=l", "LC_ALL=C"];

/**
 * Waits up to ten minutes for whoever else installs packages: a fresh host's own first upgrade, or what a run began whose
 * connection broke. dpkg has no option for it; /proc/locks is there without any tool.
 */
const packageLocksScript =
  'for try in $(seq 300); do busy=; for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock; do [ -e "$lock" ] && grep -q ":$(stat -c %i "$lock") " /proc/locks && busy=$lock; done; [ -z "$busy" ] && exit 0; sleep 2; done; echo "$busy is held" >&2; exit 1';

/** What has to be known about a host before anything is planned for it. */
export function questionsFor(wanted: Request): Questions {
  const paths = instancePaths(wanted.environment);
  const { httpPort, httpsPort } = wanted.spec.ingress ?? { httpPort: 80, httpsPort: 443 };
  return {
    paths: [
      folders.executables,
      folders.configuration,
      folders.registryLogins,
      paths.configuration,
      paths.deployKey,
      `${paths.deployKey}.pub`,
      paths.knownHosts,
      paths.dropIn,
      wanted.spec.dataDir,
      wanted.spec.codeDir,
      engineConfiguration,
      UNIT_PATH,
    ],
    packages: basePackages,
    ports: [httpPort, httpsPort, ...(wanted.statusPort === null ? statusPorts : [wanted.statusPort])],
    units: [unitName(instanceOf(wanted.environment)), upgradeUnit],
  };
}

/** The port of the status API, see {@link Request.statusPort}. */
export function chooseStatusPort(facts: Facts, request: Request): number {
  if (request.statusPort !== null) return request.statusPort;
  const own = instancePaths(request.environment).configuration;
  const portIn = (text: string): number => Number(/^statusPort: (\d+)/m.exec(text)?.[1] ?? 9100);
  const before = facts.agents.get(own);
  if (before !== undefined) return portIn(before);
  const others = new Set([...facts.agents.values()].map(portIn));
  return statusPorts.find((port) => !others.has(port)) ?? 9100;
}

/** Everything up to the point at which the node can be asked whether it reads the repository. */
export function planInstallation(facts: Facts, wanted: Wanted): Step[] {
  return [packages(facts), makeFolders(facts, wanted), executable(facts, wanted), deployKey(facts, wanted)];
}

/** The service, once the repository can be read. */
export function planService(facts: Facts, wanted: Wanted): Step[] {
  const paths = instancePaths(wanted.environment);
  const configuration = renderAgentConfiguration(wanted);
  const changed = facts.files.get(paths.configuration)?.sha256 !== sha256(configuration);
  const name = unitName(instanceOf(wanted.environment));
  const state = facts.units.get(name) ?? { enabled: false, active: false };
  const unit: Operation[] = [];
  // A newer one comes with its executable: see upgradeOperations.
  if (!facts.files.has(UNIT_PATH)) unit.push(write(UNIT_PATH, "0644", unitOf(facts)));
  const dropIn = unitPaths(wanted.spec.dataDir);
  if (dropIn !== null && facts.files.get(paths.dropIn)?.sha256 !== sha256(dropIn)) {
    unit.push(folder(paths.dropInFolder, "0755"), write(paths.dropIn, "0644", dropIn));
  }
  if (unit.length > 0) unit.push(systemctl("daemon-reload"));
  const start: Operation[] = [];
  if (!state.enabled) start.push(systemctl("enable", name));
  // One that is being upgraded is restarted by that.
  if (!state.active) start.push(systemctl("start", name));
  else if (changed || unit.length > 0) start.push(systemctl("restart", name));
  return [
    step("Configuration", `${paths.configuration} is as it should be`, [
      ...(changed ? [write(paths.configuration, "0644", configuration)] : []),
    ]),
    step("Service", `${UNIT_PATH} is there`, unit),
    step("Start", `${name} runs`, start),
  ];
}

/** Replaces the executable in force by another one that was uploaded beside it; nothing when it is the same. */
export function planUpgrade(facts: Facts, wanted: Wanted): Step {
  const path = executablePath(wanted.executable.sha256);
  if (facts.link === null || facts.link === path || !wanted.upgrade)
    return step("Upgrade", "nothing to replace", []);
  return step("Upgrade", null, upgradeOperations(path, unitOf(facts)));
}

function unitOf(facts: Facts): string {
  return unitText({ executable: link, systemdVersion: facts.systemd ?? 0 });
}

function packages(facts: Facts): Step {
  const missing = basePackages.filter((name) => !facts.packages.has(name));
  const engine = facts.engine.state === "absent";
  const wanted = engine ? [...missing, ...enginePackages(facts)] : missing;
  const note =
    facts.engine.state === "running" ? `Docker ${facts.engine.version} is there and is left alone` : null;
  if (wanted.length === 0) return { title: "Packages", operations: [], note };
  const configure = engine && !facts.files.has(engineConfiguration);
  return {
    title: engine ? `Docker engine and packages: ${wanted.join(", ")}` : `Packages: ${wanted.join(", ")}`,
    note,
    operations: [
      // Before the engine starts for the first time, so that it need not be restarted for it.
      ...(configure
        ? [
            folder("/etc/docker", "0755"),
            write(engineConfiguration, "0644", '{\n  "live-restore": true\n}\n'),
          ]
        : []),
      run(
        ["sh", "-c", packageLocksScript, "orun-wait"],
        15 * 60_000,
        "Another program has been installing packages there for ten minutes: see which with ps, and run the same command again when it has ended.",
      ),
      aptOperation(["dpkg", "--configure", "-a"]),
      aptOperation(["apt-get", "-o", "DPkg::Lock::Timeout=300", "update", "-q"]),
      aptOperation([
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=300",
        "install",
        "-q",
        "-y",
        "--no-install-recommends",
        ...wanted,
      ]),
      ...(engine ? [systemctl("enable", "--now", "docker.service")] : []),
    ],
  };
}

/** The command-line client is a package of its own from Debian 13 on: not needed by the agent, but by people. */
function enginePackages(facts: Facts): string[] {
  const separate = facts.os.id === "debian" && (facts.os.version === "" || Number(facts.os.version) >= 13);
  return ["docker.io", "iptables", ...(separate ? ["docker-cli"] : [])];
}

function makeFolders(facts: Facts, wanted: Wanted): Step {
  const needed: [string, string][] = [
    [folders.executables, "0755"],
    [folders.configuration, "0755"],
    [folders.registryLogins, "0700"],
    [wanted.spec.dataDir, "0700"],
    [wanted.spec.codeDir, "0755"],
  ];
  const missing = needed.filter(([path]) => !facts.folders.has(path));
  return step(
    "Folders",
    "there",
    missing.map(([path, mode]) => folder(path, mode)),
  );
}

function executable(facts: Facts, wanted: Wanted): Step {
  const path = executablePath(wanted.executable.sha256);
  const present = facts.executables.get(path) === wanted.executable.sha256;
  if (facts.link !== null && facts.link !== path && !wanted.upgrade) {
    return step("Executable", `${facts.link} is in force and is kept: replace it with --upgrade`, []);
  }
  const upload: Operation[] = present
    ? []
    : [
        { kind: "upload", path, mode: "0755", source: wanted.executable.path },
        run(
          [
            "sh",
            "-c",
            'echo "$2  $1.part" | sha256sum --check --status',
            "orun-check",
            path,
            wanted.executable.sha256,
          ],
          60_000,
          "It was damaged on the way, or the disk is full: run the same command again.",
        ),
        run(
          ["timeout", "30", `${path}.part`, "version"],
          40_000,
          "The executable does not run on this host; nothing was replaced.",
        ),
        run(["mv", "-fT", `${path}.part`, path], quick, "Look at the disk."),
      ];
  const switching: Operation[] =
    facts.link === null
      ? [
          run(
            ["sh", "-c", 'ln -sfn "$1" "$2.new" && mv -fT "$2.new" "$2"', "orun-link", path, link],
            quick,
            "Look at the disk.",
          ),
        ]
      : [];
  return step(`Executable ${path}`, "there", [...upload, ...switching]);
}

function deployKey(facts: Facts, wanted: Wanted): Step {
  const { deployKey: key } = instancePaths(wanted.environment);
  if (wanted.git.kind !== "ssh") {
    return step("Deploy key", "not needed: the repository is not reached over ssh", []);
  }
  const present = facts.files.get(key);
  if (present === undefined) {
    const argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", `orun@${wanted.name}`, "-f", key];
    return step("Deploy key", null, [run(argv, quick, "Look at the disk.")]);
  }
  const operations: Operation[] = [];
  if (present.mode !== "600") operations.push(run(["chmod", "0600", key], quick, "Look at the file."));
  if (!facts.files.has(`${key}.pub`)) {
    // Never made anew: it may be registered already.
    const script = 'ssh-keygen -y -f "$1" > "$1.pub.new" && mv -fT "$1.pub.new" "$1.pub"';
    operations.push(
      run(
        ["sh", "-c", script, "orun-key", key],
        quick,
        `${key} is no private key without a passphrase: look at it.`,
      ),
    );
  }
  return step("Deploy key", `${key} is there`, operations);
}

/** Pins the Git host's key. `lines`: of known_hosts. A file that is there is kept: its key was agreed to once. */
export function planHostKey(environment: string, lines: string): Step {
  return step("Git host's key", null, [write(instancePaths(environment).knownHosts, "0644", lines)]);
}

function step(title: string, note: string | null, operations: readonly Operation[]): Step {
  return { title, operations, note: operations.length === 0 ? note : null };
}

function run(argv: readonly string[], timeoutMs: number, advice: string): Operation {
  return { kind: "run", argv, timeoutMs, advice };
}

function folder(path: string, mode: string): Operation {
  return run(["install", "-d", "-m", mode, path], quick, "Look at the path and at the disk.");
}

function write(path: string, mode: string, content: string): Operation {
  return { kind: "write", path, mode, content };
}

function systemctl(...args: string[]): Operation {
  const unit = args.at(-1) ?? "";
  return run(
    ["systemctl", ...args],
    120_000,
    `See on the host: systemctl status ${unit}; journalctl -u ${unit}`,
  );
}

function aptOperation(argv: readonly string[]): Operation {
  return run(
    [...apt, ...argv],
    15 * 60_000,
    "Check that the host reaches its package mirror (apt-get update) and has space left, then run the same command again: it goes on where it was.",
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
