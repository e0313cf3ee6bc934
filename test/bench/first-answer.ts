/** Sees a version of the demo image serve for the first time, whoever started its container: the engine's events tell. */
import { request } from "node:http";
import { z } from "zod";
import { fetchText } from "../testbed/agent.ts";
import { mustApi } from "../testbed/engine-api.ts";

export interface FirstAnswers {
  /** The time (performance.now) at which a container first answered "version VERSION"; waits for it up to a minute. */
  of(version: string): Promise<number>;
  close(): void;
}

/** Between two tries to get an answer from a container that was just started, ms. */
const PAUSE_MS = 2;
const DEADLINE_MS = 60_000;

const networksShape = z.object({
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.object({ IPAddress: z.string() })) }),
});

/** Watches from now on. Every container that starts is asked until it answers. */
export async function watchFirstAnswers(socket: string): Promise<FirstAnswers> {
  const seen = new Map<string, PromiseWithResolvers<number>>();
  let open = true;
  const entry = (version: string): PromiseWithResolvers<number> => {
    const known = seen.get(version) ?? Promise.withResolvers<number>();
    seen.set(version, known);
    return known;
  };
  const ask = async (id: string): Promise<void> => {
    const end = performance.now() + DEADLINE_MS;
    let address = "";
    while (open && performance.now() < end) {
      // None for a moment while it is reconnected.
      if (address === "") address = await addressOf(socket, id);
      const answer = address === "" ? null : await fetchText(80, "/", {}, address).catch(() => null);
      const version = answer === null ? undefined : /^version (\S+)/.exec(answer.body)?.[1];
      if (version !== undefined) {
        entry(version).resolve(performance.now());
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const stream = await openEvents(socket, (id) => {
    // One that ends before it answers is seen by who waits for it: at the deadline.
    ask(id).catch(() => undefined);
  });
  return {
    async of(version) {
      const timer = setTimeout(
        () => entry(version).reject(new Error(`nothing answered "version ${version}" within a minute`)),
        DEADLINE_MS,
      );
      return await entry(version).promise.finally(() => clearTimeout(timer));
    },
    close() {
      open = false;
      stream.destroy();
    },
  };
}

async function addressOf(socket: string, id: string): Promise<string> {
  const facts = networksShape.parse(JSON.parse(await mustApi(socket, "GET", `/containers/${id}/json`)));
  return Object.values(facts.NetworkSettings.Networks)[0]?.IPAddress ?? "";
}

/** Follows the starts of containers. */
async function openEvents(socketPath: string, onStart: (id: string) => void): Promise<{ destroy(): void }> {
  const filters = JSON.stringify({ type: ["container"], event: ["start"] });
  const outgoing = request({
    socketPath,
    path: `/events?filters=${encodeURIComponent(filters)}`,
    agent: false,
  });
  outgoing.flushHeaders();
  outgoing.end();
  await new Promise<void>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.once("response", (response) => {
      let rest = "";
      response.setEncoding("utf8");
      response.on("error", () => undefined);
      response.on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const id = /"id":"([0-9a-f]{64})"/.exec(line)?.[1];
          if (id !== undefined) onStart(id);
        }
      });
      resolve();
    });
  });
  return { destroy: () => outgoing.destroy() };
}
