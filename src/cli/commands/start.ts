import { mkdirSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import pLimit from "p-limit";
import { createAgent, type Agent } from "../../agent/agent.ts";
import { backoff } from "../../agent/backoff.ts";
import { isStopped, systemClock, type Clock } from "../../agent/clock.ts";
import { EngineError } from "../../agent/errors.ts";
import type { Emit } from "../../agent/events.ts";
import { createMemoryStore } from "../../agent/memory.ts";
import type { Ingress } from "../../agent/ingress-port.ts";
import type { Engine, EngineIdentity } from "../../agent/ports.ts";
import { createStatusServer } from "../../api/server.ts";
import { connectEngine } from "../../docker/engine.ts";
import { openSource } from "../../git/source.ts";
import { createNodeFiles } from "../../host/files.ts";
import { createEventLog, logFormat } from "../../host/log.ts";
import { connectServiceManager } from "../../host/service-manager.ts";
import { createStateWriter, readState } from "../../host/state-file.ts";
import { createProbeRunner } from "../../probe/run.ts";
import { environmentOf } from "../../state/environment.ts";
import { claimEnvironment, type Claim } from "../claim-environment.ts";
import { ingressOf } from "../open-ingress.ts";
import { readSettings } from "../settings.ts";
import { statusLine } from "../status/line.ts";
import { VERSION } from "../version.ts";

interface Assembled {
  engine: Engine & { close(): void };
  ingress: Ingress;
  agent: Agent;
}

/** `orun start`: puts the agent together and runs it. Answers the exit code (SPEC 8). */
export async function start(flags: Record<string, unknown>): Promise<number> {
  const settings = readSettings(flags);
  if (settings.repo === null)
    throw new Error("which repository? Give --repo URL, or repo: in /etc/orun/agent.yaml");
  const stop = new AbortController();
  // Not once(): the state file's library re-raises a signal that nobody else listens to while it writes.
  process.on("SIGTERM", () => stop.abort());
  process.on("SIGINT", () => stop.abort());
  const clock = systemClock();
  const emit = createEventLog(logFormat(), (line) => process.stdout.write(line));
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o700 });
  const statePath = join(settings.dataDir, "state.json");
  const { memory: remembered, warning } = readState(statePath, "agent");
  if (warning !== null) emit({ type: "warning", message: warning });
  const writer = createStateWriter(statePath, (message) => emit({ type: "warning", message }));
  const memory = createMemoryStore(remembered, (next) => writer.save(next));

  const source = await openSource({
    url: settings.repo,
    branch: settings.branch,
    cloneDir: join(settings.dataDir, "repo.git"),
    deployKey: settings.deployKey,
    knownHosts: settings.knownHosts,
    allowInsecure: settings.allowInsecureGit,
    timeoutMs: 60_000,
  });
  const engineLimit = pLimit(6);
  const pullLimit = pLimit(3);
  const known = memory.get().environment;
  /** The agent of one environment, over an engine connection of its own. */
  const assemble = (environment: string, stopped: AbortSignal, moveTo: (name: string) => void): Assembled => {
    const owner = { node: settings.node, environment };
    const engine = connectEngine({
      socketPath: settings.socketPath,
      owner,
      branch: settings.branch,
      isKnown: (id) => id in memory.get().containers,
    });
    const ingress = ingressOf(environment, settings);
    const agent = createAgent(
      {
        engine,
        source,
        ingress,
        files: createNodeFiles(),
        probe: createProbeRunner((id, command, timeoutMs, signal) =>
          engine.exec(id, command, timeoutMs, signal),
        ),
        memory,
        clock,
        emit,
        owner,
        branch: settings.branch,
        version: VERSION,
        pollInterval: settings.pollInterval,
        // Flags win over the Node manifest, whatever it says (SPEC 8).
        followed: {
          repo: flags["repo"] === undefined ? settings.repo : null,
          branch: flags["branch"] === undefined ? settings.branch : null,
          dataDir: flags["dataDir"] === undefined ? settings.dataDir : null,
        },
        moveTo,
        limits: { engine: (work) => engineLimit(work), pull: (work) => pullLimit(work) },
      },
      stopped,
    );
    return { engine, ingress, agent };
  };
  // Provisional until the engine has said which names are taken.
  const provisional =
    known?.branch === settings.branch ? known.name : environmentOf(settings.branch, () => null);
  let current = assemble(provisional, stop.signal, () => undefined);
  const server = createStatusServer({
    ready: () => current.agent.status.ready(),
    snapshot: () => current.agent.status.snapshot(),
    ingressMetrics: () => current.ingress.metrics(stop.signal),
  });
  const manager = connectServiceManager(
    process.env,
    () => statusLine(current.agent.status.snapshot()),
    (message) => emit({ type: "warning", message }),
  );
  stop.signal.addEventListener("abort", () => void manager.stopping(), { once: true });
  try {
    if (!settings.once) {
      await new Promise<void>((resolve, reject) => {
        server.once("error", (cause) =>
          reject(
            new Error(
              `the status port 127.0.0.1:${String(settings.statusPort)} cannot be opened: choose another with --status-port`,
              { cause },
            ),
          ),
        );
        server.listen(settings.statusPort, "127.0.0.1", resolve);
      });
    }
    manager.ready();
    const identity = await identify(
      current.engine,
      (message) => current.agent.status.engineError(message),
      clock,
      emit,
      stop.signal,
    );
    if (identity === null) return settings.once ? 1 : 0;
    const { node, branch, dataDir } = settings;
    const holder = { node, branch, dataDir, pid: process.pid, statusPort: listeningPort(server) };
    let wanted: Parameters<typeof claimEnvironment>[3] = { remembered: known };
    while (!isStopped(stop.signal)) {
      let claim: Claim;
      try {
        claim = await claimEnvironment(current.engine, identity, holder, wanted, stop.signal);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        current.agent.status.engineError(error.message);
        await clock.sleep(1000, stop.signal);
        continue;
      }
      const { environment, lock } = claim;
      if (!lock.held) {
        process.stderr.write(
          `orun: ${lock.by} already manages environment '${environment}' on this engine: stop it first\n`,
        );
        return 3;
      }
      memory.update((now) => ({ ...now, environment: { branch, name: environment } }));
      const move = new AbortController();
      const moved: { to: string | null } = { to: null };
      current.engine.close();
      current.ingress.close();
      current = assemble(environment, AbortSignal.any([stop.signal, move.signal]), (name) => {
        moved.to = name;
        move.abort();
      });
      // The network says on the engine whose name it is, also while this agent does not run.
      if (environment !== "production")
        await current.engine.ensureNetwork(stop.signal).catch(() => undefined);
      emit({
        type: "agent.started",
        node,
        environment,
        branch,
        version: VERSION,
        engine: `${identity.version} (API ${identity.apiVersion})`,
      });
      const signal = AbortSignal.any([stop.signal, move.signal]);
      let converged = false;
      if (settings.once) converged = await current.agent.once(signal);
      else await current.agent.run(signal);
      if (moved.to === null) {
        if (settings.once) return converged ? 0 : 1;
        emit({ type: "agent.stopped" });
        return 0;
      }
      lock.release();
      wanted = { name: moved.to };
    }
    return settings.once ? 1 : 0;
  } finally {
    const told = manager.stopping();
    server.close();
    server.closeAllConnections();
    await writer.flush();
    await source.close();
    current.engine.close();
    current.ingress.close();
    await told;
  }
}

/** The port that it really has, also when it asked for any (0). */
function listeningPort(server: Server): number | null {
  const address = server.address();
  return typeof address === "object" ? (address?.port ?? null) : null;
}

/** Waits for the engine with backoff; null when stopped first. The agent lives, and says so, without an engine. */
async function identify(
  engine: { identity(signal: AbortSignal): Promise<EngineIdentity> },
  tell: (message: string | null) => void,
  clock: Clock,
  emit: Emit,
  signal: AbortSignal,
): Promise<EngineIdentity | null> {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      const identity = await engine.identity(signal);
      tell(null);
      return identity;
    } catch (error) {
      if (isStopped(signal)) return null;
      if (!(error instanceof EngineError)) throw error;
      const retryInMs = backoff(failures, 500, 15_000, Math.random);
      tell(error.message);
      emit({ type: "engine.lost", message: error.message, retryInMs });
      await clock.sleep(retryInMs, signal);
    }
  }
  return null;
}
