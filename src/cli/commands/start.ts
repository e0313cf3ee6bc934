import { mkdirSync } from "node:fs";
import { join } from "node:path";
import pLimit from "p-limit";
import { createAgent } from "../../agent/agent.ts";
import { backoff } from "../../agent/backoff.ts";
import { isStopped, systemClock, type Clock } from "../../agent/clock.ts";
import { EngineError } from "../../agent/errors.ts";
import type { Emit } from "../../agent/events.ts";
import { createMemoryStore } from "../../agent/memory.ts";
import type { EngineIdentity } from "../../agent/ports.ts";
import { createStatusServer } from "../../api/server.ts";
import { connectEngine } from "../../docker/engine.ts";
import { openSource } from "../../git/source.ts";
import { createNodeFiles } from "../../host/files.ts";
import { acquireLock } from "../../host/lock.ts";
import { createEventLog, logFormat } from "../../host/log.ts";
import { createStateWriter, readState } from "../../host/state-file.ts";
import { createProbeRunner } from "../../probe/run.ts";
import { environmentOf } from "../../state/environment.ts";
import { noIngress } from "../no-ingress.ts";
import { readSettings } from "../settings.ts";
import { VERSION } from "../version.ts";

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
  const environment = environmentOf(settings.branch, () => null);
  const owner = { node: settings.node, environment };

  mkdirSync(settings.dataDir, { recursive: true, mode: 0o700 });
  const statePath = join(settings.dataDir, "state.json");
  const { memory: remembered, warning } = readState(statePath);
  if (warning !== null) emit({ type: "warning", message: warning });
  const writer = createStateWriter(statePath, (message) => emit({ type: "warning", message }));
  const memory = createMemoryStore(remembered, (next) => writer.save(next));

  const engine = connectEngine({
    socketPath: settings.socketPath,
    owner,
    branch: settings.branch,
    isKnown: (id) => id in memory.get().containers,
  });
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
  const agent = createAgent(
    {
      engine,
      source,
      ingress: noIngress(),
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
      limits: { engine: (work) => engineLimit(work), pull: (work) => pullLimit(work) },
    },
    stop.signal,
  );
  const server = createStatusServer(agent.status);
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
    const identity = await identify(
      engine,
      (message) => agent.status.engineError(message),
      clock,
      emit,
      stop.signal,
    );
    if (identity === null) return settings.once ? 1 : 0;
    const lock = await acquireLock(
      `/run/orun/${identity.id.replace(/[^A-Za-z0-9_-]/g, "_")}.${environment}.lock`,
      {
        node: settings.node,
        environment,
        branch: settings.branch,
        pid: process.pid,
        dataDir: settings.dataDir,
      },
    );
    if (!lock.held) {
      process.stderr.write(
        `orun: ${lock.by} already manages environment '${environment}' on this engine: stop it first\n`,
      );
      return 3;
    }
    emit({
      type: "agent.started",
      node: settings.node,
      environment,
      branch: settings.branch,
      version: VERSION,
      engine: `${identity.version} (API ${identity.apiVersion})`,
    });
    if (settings.once) return (await agent.once(stop.signal)) ? 0 : 1;
    await agent.run(stop.signal);
    emit({ type: "agent.stopped" });
    return 0;
  } finally {
    server.close();
    server.closeAllConnections();
    await writer.flush();
    await source.close();
    engine.close();
  }
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
