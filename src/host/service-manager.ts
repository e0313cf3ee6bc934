/** What systemd hears of the agent (sd_notify(3)). Node.js has no datagram socket of that kind, so `systemd-notify` says it. */
import { spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";

export interface ServiceManager {
  /** The agent is up: it serves its status. That engine and Git answer is not meant. */
  ready(): void;
  /** The agent is about to end; saying it twice says it once. Resolves once it was said, or a second later: nothing waits for it. */
  stopping(): Promise<void>;
}

/** Longer than this and something is wrong with systemd itself; the agent goes on without it. */
const NOTIFY_DEADLINE = 10_000;
/** SIGTERM has to be followed by the end within two seconds (SPEC 8). */
const STOP_DEADLINE = 1000;
/** How often the status line is looked at when no watchdog asks for more, ms. */
const STATUS_INTERVAL = 20_000;

/**
 * The service manager that started this process; one that hears nothing when none did. While the agent is up its event loop says
 * so three times per watchdog interval, together with a status line when that has changed: a loop that is blocked goes silent,
 * and systemd starts another agent. `env` loses the variables, so that no child speaks for the agent.
 */
export function connectServiceManager(
  env: NodeJS.ProcessEnv,
  statusLine: () => string,
  warn: (message: string) => void,
): ServiceManager {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec, WATCHDOG_PID: pid, ...rest } = env;
  delete env["NOTIFY_SOCKET"];
  delete env["WATCHDOG_USEC"];
  delete env["WATCHDOG_PID"];
  if (socket === undefined || socket === "") {
    return { ready: () => undefined, stopping: () => Promise.resolve() };
  }
  const watched = Number(usec) > 0 && (pid === undefined || Number(pid) === process.pid);
  const interval = watched ? Math.max(100, Number(usec) / 3000) : STATUS_INTERVAL;
  let said = Promise.resolve();
  let told = "";
  let warned = false;
  let timer: NodeJS.Timeout | null = null;
  let stopped: Promise<void> | null = null;

  const say = (...assignments: string[]): Promise<void> => {
    said = said
      .then(() => notify(socket, rest, assignments))
      .catch((error: unknown) => {
        if (warned) return;
        warned = true;
        warn(
          `systemd cannot be told how the agent is: ${error instanceof Error ? error.message : String(error)}`,
        );
      });
    return said;
  };
  const status = (): string[] => {
    const line = statusLine();
    if (line === told) return [];
    told = line;
    return [`STATUS=${line.replace(/\s+/g, " ")}`];
  };
  return {
    ready() {
      void say("READY=1", ...status());
      timer = setInterval(() => {
        const news = [...(watched ? ["WATCHDOG=1"] : []), ...status()];
        if (news.length > 0) void say(...news);
      }, interval);
    },
    stopping() {
      if (timer !== null) clearInterval(timer);
      stopped ??= say("STOPPING=1", "STATUS=stopping; the containers go on running");
      const late = new AbortController();
      const waited = setTimeout(STOP_DEADLINE, undefined, { signal: late.signal }).catch(() => undefined);
      return Promise.race([stopped, waited]).finally(() => late.abort());
    },
  };
}

function notify(socket: string, env: NodeJS.ProcessEnv, assignments: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("systemd-notify", assignments, {
      stdio: "ignore",
      env: { ...env, NOTIFY_SOCKET: socket },
      timeout: NOTIFY_DEADLINE,
      killSignal: "SIGKILL",
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`systemd-notify ended with ${String(code)}`));
    });
  });
}
