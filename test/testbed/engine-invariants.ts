/** The invariants of FAULTS that can be told from a call to the engine and what the engine has at that moment. */
import { z } from "zod";
import { api } from "./engine-api.ts";
import type { MutatingCall } from "./engine-proxy.ts";

/** What the manifests in force say, as far as judging a call needs it. */
export interface Expectations {
  node: string;
  environment: string;
  /** Deployments that stop their old container first (`Recreate`). */
  recreate: readonly string[];
  /** Deployments that a complete commit has taken away, or is about to. */
  gone: readonly string[];
}

const PREFIX = "dev.orcra.run/";
const FULL_ID = /^[0-9a-f]{64}$/;

const containerShape = z.object({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  Config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }),
  State: z.object({ Running: z.boolean() }),
  HostConfig: z.object({ RestartPolicy: z.object({ Name: z.string() }), NetworkMode: z.string() }),
  NetworkSettings: z.object({
    Networks: z.record(z.string(), z.object({ Aliases: z.array(z.string()).nullish() })).nullish(),
  }),
});
type Container = z.output<typeof containerShape>;
const labelled = z.object({ Labels: z.record(z.string(), z.string()).nullish() });
const imageShape = z.object({ Config: labelled.nullish() });

/** What this call, of which `earlier` ones are known, goes against; asks the engine as it is before the call. */
export async function violationsOf(
  call: MutatingCall,
  earlier: readonly MutatingCall[],
  socket: string,
  expected: Expectations,
): Promise<string[]> {
  const { method, path, query, body } = call;
  const found: string[] = [];
  const wrong = (invariant: string, why: string): void => {
    found.push(`${invariant}: ${method} ${path}?${query.toString()}: ${why}`);
  };
  if (/\/prune$/.test(path)) wrong("I2", "a prune");
  if (/^\/volumes/.test(path) && method === "DELETE") wrong("I2", "a volume is removed");
  if (["true", "1"].includes(query.get("v") ?? "")) wrong("I2", "anonymous volumes go with the container");

  const [, area, id = "", verb] = path.split("/");
  if (area === "containers" && id === "create") {
    const labels = labelled.safeParse(body).data?.Labels ?? {};
    if (!isOwned(labels, expected)) wrong("I3", "a container without our complete labels");
    else {
      const own = await ofDeployment(socket, expected, labels[`${PREFIX}deployment`] ?? "");
      const replica = labels[`${PREFIX}replica`];
      const generations = new Set(
        own.filter((item) => labelOf(item, "replica") === replica).map((item) => labelOf(item, "revision")),
      );
      generations.add(labels[`${PREFIX}revision`] ?? "");
      if (generations.size > 2) wrong("I6", `${String(generations.size)} generations of one replica`);
    }
  } else if (area === "containers") {
    if (!FULL_ID.test(id)) wrong("I3", "not by id");
    const container = await inspect(socket, id);
    if (container === null) return found;
    if (!isOwned(container.Config.Labels ?? {}, expected)) wrong("I3", `${container.Name} is not ours`);
    else if (await isInherited(socket, container))
      wrong("I3", `the labels of ${container.Name} are its image's`);
    const takesDown =
      verb === "stop" || verb === "kill" || verb === "restart" || verb === "pause" || method === "DELETE";
    if (takesDown) found.push(...(await losses(call, earlier, container, socket, expected)));
  } else if (area === "networks" && id !== "create") {
    if (!FULL_ID.test(id)) wrong("I3", "not by id");
    const target = z.object({ Container: z.string() }).safeParse(body).data?.Container;
    if (target !== undefined && !FULL_ID.test(target)) wrong("I3", "its container not by id");
    const container = target === undefined ? null : await inspect(socket, target);
    if (container !== null && !isOwned(container.Config.Labels ?? {}, expected))
      wrong("I3", `${container.Name} is not ours`);
  } else if (area === "images" && method === "DELETE") {
    const used = await containersOf(socket);
    const image = decodeURIComponent(path.slice("/images/".length));
    if (!/^sha256:[0-9a-f]{64}$/.test(image)) wrong("I3", "not by id");
    if (query.get("force") === "true" || query.get("force") === "1") wrong("I7", "by force");
    if (used.some((item) => item.Image === image)) wrong("I7", "a container uses it");
  }
  return found;
}

/** I1, I4, I5: what serves goes only when a proven one of its deployment serves too, unless the commit says otherwise. */
async function losses(
  { method, path }: MutatingCall,
  earlier: readonly MutatingCall[],
  container: Container,
  socket: string,
  expected: Expectations,
): Promise<string[]> {
  const deployment = labelOf(container, "deployment");
  const wasProven =
    container.HostConfig.RestartPolicy.Name === "always" ||
    earlier.some((call) => call.path === `/containers/${container.Id}/update`);
  if (!wasProven || expected.gone.includes(deployment)) return [];
  const others = (await ofDeployment(socket, expected, deployment)).filter(
    (item) => item.Id !== container.Id,
  );
  const what = `${method} ${path}: ${container.Name}`;
  if (others.length === 0)
    return [`I4: ${what} is the last container of ${deployment}, which no commit took away`];
  if (!container.State.Running) return [];
  if (expected.recreate.includes(deployment)) return [];
  const serves = others.some(
    (item) =>
      item.State.Running &&
      item.HostConfig.RestartPolicy.Name === "always" &&
      (item.HostConfig.NetworkMode === "host" || hasAlias(item, deployment)),
  );
  return serves ? [] : [`I1: ${what} is taken down and no proven one with its name serves`];
}

function hasAlias(container: Container, alias: string): boolean {
  return Object.values(container.NetworkSettings.Networks ?? {}).some((endpoint) =>
    (endpoint.Aliases ?? []).includes(alias),
  );
}

function isOwned(labels: Readonly<Record<string, string>>, expected: Expectations): boolean {
  const keys = ["deployment", "revision", "replica", "commit", "file", "spec", "instance"];
  return (
    labels[`${PREFIX}node`] === expected.node &&
    labels[`${PREFIX}environment`] === expected.environment &&
    keys.every((key) => labels[PREFIX + key] !== undefined)
  );
}

function labelOf(container: Container, key: string): string {
  return container.Config.Labels?.[PREFIX + key] ?? "";
}

async function isInherited(socket: string, container: Container): Promise<boolean> {
  const { status, body } = await api(socket, "GET", `/images/${container.Image}/json`);
  if (status !== 200) return false;
  const labels = imageShape.parse(JSON.parse(body)).Config?.Labels ?? {};
  return labels[`${PREFIX}instance`] === labelOf(container, "instance");
}

async function inspect(socket: string, id: string): Promise<Container | null> {
  const { status, body } = await api(socket, "GET", `/containers/${id}/json`);
  return status === 200 ? containerShape.parse(JSON.parse(body)) : null;
}

async function ofDeployment(
  socket: string,
  expected: Expectations,
  deployment: string,
): Promise<Container[]> {
  return (await containersOf(socket)).filter(
    (item) => isOwned(item.Config.Labels ?? {}, expected) && labelOf(item, "deployment") === deployment,
  );
}

async function containersOf(socket: string): Promise<Container[]> {
  const { body } = await api(socket, "GET", "/containers/json?all=true");
  const ids = z.array(z.object({ Id: z.string() })).parse(JSON.parse(body));
  const found = await Promise.all(ids.map(({ Id }) => inspect(socket, Id)));
  return found.filter((item) => item !== null);
}
