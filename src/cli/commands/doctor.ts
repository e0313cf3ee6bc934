import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { unitName } from "../../bootstrap/unit.ts";
import { findIngress } from "../../caddy/container.ts";
import { connectEngine } from "../../docker/engine.ts";
import { connectIngressHost } from "../../docker/ingress-host.ts";
import { type AgentWord, checkAgent } from "../../doctor/agent.ts";
import { checkClock } from "../../doctor/clock.ts";
import { checkDisk } from "../../doctor/disk.ts";
import { checkEngine } from "../../doctor/engine.ts";
import { fail, type Finding, ok, reasonOf } from "../../doctor/finding.ts";
import { checkGit } from "../../doctor/git.ts";
import { checkKeyFiles } from "../../doctor/key-files.ts";
import { checkPorts } from "../../doctor/ports.ts";
import { checkPrograms } from "../../doctor/programs.ts";
import { checkUnit } from "../../doctor/unit.ts";
import { canPush } from "../../git/push-access.ts";
import { openSource } from "../../git/source.ts";
import { parseRemote, redactUrl } from "../../git/url.ts";
import { portHolder } from "../../host/ports.ts";
import { readState } from "../../host/state-file.ts";
import { renderFindings } from "../render-findings.ts";
import { readSettings, type Settings } from "../settings.ts";
import { fetchStatus } from "../status/fetch.ts";
import { parseStatus } from "../status/shape.ts";
import { terminalOf } from "../terminal.ts";
import { MADE_AT, VERSION } from "../version.ts";

const CONFIG = "/etc/orun/agent.yaml";
const GIT_DEADLINE = 20_000;

/** `orun doctor`: looks at everything the agent needs, with the settings that `orun start` would have. Exit 1 when anything fails. */
export async function doctor(options: Record<string, unknown>): Promise<number> {
  const config = typeof options["config"] === "string" ? options["config"] : CONFIG;
  const findings = await examine(options, config);
  process.stdout.write(renderFindings(findings, terminalOf(process.stdout)));
  return findings.some(({ level }) => level === "fail") ? 1 : 0;
}

async function examine(options: Record<string, unknown>, config: string): Promise<Finding[]> {
  let settings: Settings;
  try {
    settings = readSettings(options);
  } catch (error) {
    return [fail("settings", reasonOf(error), `Correct ${config}; 'orun start' refuses it, too.`)];
  }
  const unit = unitName(basename(config).replace(/\.ya?ml$/, ""));
  const agent = await askAgent(settings.statusPort);
  const [engine, git, clock, service] = await Promise.all([
    examineEngine(settings),
    examineGit(settings),
    checkClock(Date.now(), MADE_AT),
    checkUnit(unit),
  ]);
  const disk = checkDisk([
    { path: settings.dataDir, purpose: "the agent's state" },
    { path: "/var/lib/docker", purpose: "images and volumes" },
  ]);
  const ports = examinePorts(settings, agent !== null, await ingressRuns(settings.socketPath));
  const word = checkAgent(agent, settings.statusPort, VERSION);
  return [checkSettings(settings, config), engine, ...git, ...disk, clock, ...ports, service, ...word];
}

function checkSettings({ repo, node, branch, dataDir }: Settings, config: string): Finding {
  const from = existsSync(config) ? config : `flags and defaults (there is no ${config})`;
  if (repo === null)
    return fail(
      "settings",
      `no repository is named in ${from}`,
      `Write 'repo: URL' into ${config}, or give --repo.`,
    );
  return ok("settings", `node ${node}, branch ${branch}, state in ${dataDir}, from ${from}`);
}

async function examineEngine({ socketPath, node, branch }: Settings): Promise<Finding> {
  const owner = { node, environment: "production" };
  const engine = connectEngine({ socketPath, owner, branch, isKnown: () => false });
  try {
    return await checkEngine(engine, socketPath);
  } finally {
    engine.close();
  }
}

async function examineGit(settings: Settings): Promise<Finding[]> {
  const { repo, branch, deployKey, knownHosts } = settings;
  if (repo === null) return [await checkPrograms(false)];
  // Not the agent's own clone, which may be in use.
  const folder = mkdtempSync(join(tmpdir(), "orun-doctor-"));
  const source = {
    ...{ url: repo, branch, deployKey, knownHosts, timeoutMs: GIT_DEADLINE },
    cloneDir: join(folder, "repo.git"),
    allowInsecure: settings.allowInsecureGit,
  };
  const signal = AbortSignal.timeout(2 * GIT_DEADLINE);
  try {
    const ssh = parseRemote(repo, settings.allowInsecureGit).kind === "ssh";
    const programs = await checkPrograms(ssh);
    const keys = ssh ? checkKeyFiles(deployKey, knownHosts) : [];
    if (programs.level === "fail" || keys.some(({ level }) => level === "fail")) return [programs, ...keys];
    const access = {
      async head() {
        const opened = await openSource(source);
        try {
          return await opened.head(signal);
        } finally {
          await opened.close();
        }
      },
      canPush: () => canPush(source, signal),
    };
    return [programs, ...keys, ...(await checkGit(access, redactUrl(repo), branch))];
  } catch (error) {
    return [fail("git", reasonOf(error), "Correct the repository's URL in the settings.")];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function examinePorts(settings: Settings, agentAnswers: boolean, ingress: boolean | null): Finding[] {
  const spec = readState(join(settings.dataDir, "state.json"), "reader").memory.node?.spec.ingress;
  return checkPorts(
    {
      holder: (port) => portHolder(port, "tcp"),
      ingressRuns: ingress,
      agentAnswers,
    },
    { http: spec?.httpPort ?? 80, https: spec?.httpsPort ?? 443 },
    settings.statusPort,
  );
}

/** Whether this engine's ingress runs, whichever agent made it; null: that cannot be told. */
async function ingressRuns(socketPath: string): Promise<boolean | null> {
  const host = connectIngressHost(socketPath);
  try {
    return (await findIngress(host, AbortSignal.timeout(10_000)))?.phase === "running";
  } catch {
    return null;
  } finally {
    host.close();
  }
}

/** What the agent on this host says; null: none does. */
async function askAgent(port: number): Promise<AgentWord | null> {
  try {
    const { node, deployments } = parseStatus(await fetchStatus(port));
    const states = Object.entries(deployments).map(([name, { state }]): [string, string] => [name, state]);
    return {
      version: node.version,
      engineError: node.engine_error,
      syncError: node.sync_error,
      ingressError: node.ingress_error,
      deployments: Object.fromEntries(states),
    };
  } catch {
    return null;
  }
}
