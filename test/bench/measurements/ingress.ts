import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { mustApi } from "../../testbed/engine-api.ts";
import { startIngressRig, webApp, type IngressRig } from "../../testbed/ingress-rig.ts";
import { startLoad, type LoadReport } from "../../testbed/load.ts";
import { until } from "../../testbed/wait.ts";
import type { Bench, Measurement } from "../measurement.ts";
import { median, shownMs } from "../statistics.ts";

const RELEASES = 6;
const RECREATES = 5;
const CAPACITY_MS = 6000;

export const measurement: Measurement = {
  title: "Requests through the ingress",
  method: `One application in Node.js, Caddy 2.11, 32 connections: half of them kept, half one per request; half GET, half POST
with up to 16 KiB. First at about 1,000 requests a second, without and with releases (${String(RELEASES)}, a changed environment
variable each), then as fast as one client in Node.js asks, for ${String(CAPACITY_MS / 1000)} s, beside the same Caddy with one fixed
upstream in a configuration by hand. "From ready to routed" is from the successful probe to the switch, with the reconnection
that gives the container its name. The gap of a \`Recreate\` (${String(RECREATES)} of them) is what the agent reports: from the stop of
the old container to the readiness of the new one.`,
  async run(bench) {
    const rig = await startIngressRig("2.11", webApp("app", "0"));
    bench.sandbox.defer(() => rig.stop());
    await rig.serves("app", "0");
    const quiet = await loadDuring(rig, () => delay(10_000));
    bench.say(`without a release: ${told(quiet)}`);
    const busy = await loadDuring(rig, async () => {
      for (let n = 1; n <= RELEASES; n++) {
        await rig.remote.commit(webApp("app", String(n)), `version ${String(n)}`);
        await rig.serves("app", String(n));
      }
    });
    bench.say(`with ${String(RELEASES)} releases: ${told(busy)}`);
    const routed = readyToRouted(rig.log());
    const byOrun = await capacity(rig.http);
    const byHand = await capacity(await caddyByHand(bench, rig));
    bench.say(`requests a second: orun ${String(byOrun)}, by hand ${String(byHand)}`);
    const gaps = await recreateGaps(rig);
    const share = Math.round((100 * byOrun) / byHand);
    return {
      head: ["", "result"],
      rows: [
        ["failed during releases", `**${String(busy.failed)}** of ${busy.requests.toLocaleString("en")}`],
        ["answer time without a release, p50 / p99", `${shownMs(quiet.p50)} / ${shownMs(quiet.p99)}`],
        ["answer time during releases, p50 / p99", `${shownMs(busy.p50)} / ${shownMs(busy.p99)}`],
        ["requests a second through orun's ingress", `${String(byOrun)} (${String(share)} % of by hand)`],
        ["requests a second through Caddy by hand", String(byHand)],
        [
          "from ready to routed, median / slowest",
          `${shownMs(median(routed))} / ${shownMs(Math.max(...routed))}`,
        ],
        ["gap of a Recreate, median / slowest", `${shownMs(median(gaps))} / ${shownMs(Math.max(...gaps))}`],
      ],
    };
  },
};

async function loadDuring(rig: IngressRig, work: () => Promise<void>): Promise<LoadReport> {
  const load = startLoad({ port: rig.http, host: "app.test" });
  try {
    await work();
  } finally {
    await load.stop();
  }
  return await load.stop();
}

function told(report: LoadReport): string {
  return `${String(report.failed)} failed of ${String(report.requests)}, p50 ${shownMs(report.p50)}, p99 ${shownMs(report.p99)}`;
}

/** Requests a second. */
async function capacity(port: number): Promise<number> {
  const from = performance.now();
  const load = startLoad({ port, host: "app.test", paceMs: 0 });
  await delay(CAPACITY_MS);
  const { requests } = await load.stop();
  return Math.round((1000 * requests) / (performance.now() - from));
}

const eventShape = z.object({
  time: z.string(),
  type: z.string(),
  durationMs: z.number().optional(),
  gapMs: z.number().nullable().optional(),
  action: z.object({ kind: z.string() }).optional(),
});

function events(log: string): z.output<typeof eventShape>[] {
  return log
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .flatMap((line) => {
      const parsed = eventShape.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    });
}

/** ms from each promotion's beginning to the switch that follows. */
function readyToRouted(log: string): number[] {
  const times: number[] = [];
  let ready: number | null = null;
  for (const event of events(log)) {
    const at = Date.parse(event.time);
    if (event.action?.kind === "promote") ready = at - (event.durationMs ?? 0);
    if (event.action?.kind !== "route" || ready === null) continue;
    times.push(at - ready);
    ready = null;
  }
  return times;
}

async function recreateGaps(rig: IngressRig): Promise<number[]> {
  for (let n = 1; n <= RECREATES + 1; n++) {
    const files = webApp("app", `r${String(n)}`, { more: ["strategy: Recreate"] });
    await rig.remote.commit(files, `recreate ${String(n)}`);
    await rig.serves("app", `r${String(n)}`);
  }
  return events(rig.log()).flatMap((event) => event.gapMs ?? []);
}

/** The same Caddy, configured as a person would; answers its port. */
async function caddyByHand(bench: Bench, rig: IngressRig): Promise<number> {
  const folder = join(bench.sandbox.folder(), "caddy");
  mkdirSync(folder);
  const port = await bench.sandbox.freePort();
  const [app] = await rig.of("app");
  const upstreams = [{ dial: `${app?.address ?? ""}:80` }];
  const routes = [{ match: [{ host: ["app.test"] }], handle: [{ handler: "reverse_proxy", upstreams }] }];
  const servers = { http: { listen: [`:${String(port)}`], automatic_https: { disable: true }, routes } };
  const config = { admin: { disabled: true }, apps: { http: { servers } } };
  writeFileSync(join(folder, "caddy.json"), JSON.stringify(config));
  const { socket } = rig.engine;
  await mustApi(socket, "POST", "/containers/create?name=by-hand", {
    Image: "caddy:2.11",
    Cmd: ["caddy", "run", "--config", "/config/caddy.json"],
    HostConfig: { NetworkMode: "host", Binds: [`${folder}:/config:ro`] },
  });
  await mustApi(socket, "POST", "/containers/by-hand/start");
  await until("Caddy by hand answers", async () => {
    const load = startLoad({ port, host: "app.test", connections: 1, limit: 1 });
    return (await load.stop()).failed === 0;
  });
  return port;
}
