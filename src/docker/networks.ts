import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { EngineError } from "../agent/errors.ts";
import type { EnvironmentHolder } from "../agent/ports.ts";
import { label, networkName, type Owner } from "../state/labels.ts";
import type { ObservedNetwork } from "../state/observed.ts";
import {
  candidates,
  formatAddress,
  formatCidr,
  overlaps,
  parseCidr,
  upperHalf,
  type Cidr,
} from "../state/subnet.ts";
import type { Connection } from "./connection.ts";
import { networkShape } from "./shapes.ts";

/** The environment's network; null: none of that name carries our labels. Of several (engines before 25 allow them) the oldest. */
export async function findNetwork(
  connection: Connection,
  owner: Owner,
  signal: AbortSignal,
): Promise<ObservedNetwork | null> {
  const name = networkName(owner.environment);
  const list = await connection.json(
    { method: "GET", path: "/networks", query: { filters: JSON.stringify({ name: [name] }) }, signal },
    networkShape.array(),
  );
  const [found] = list
    // The engine's filter finds parts of names too.
    .filter((network) => network.Name === name && isOurs(network.Labels, owner))
    .sort((a, b) => (a.Created < b.Created ? -1 : 1));
  if (found === undefined) return null;
  const config = found.IPAM?.Config?.[0];
  return { id: found.Id, name, subnet: config?.Subnet ?? "", gateway: config?.Gateway ?? "" };
}

/** The environments that have a network here, by its labels. */
export async function listEnvironments(
  connection: Connection,
  signal: AbortSignal,
): Promise<EnvironmentHolder[]> {
  const query = { filters: JSON.stringify({ label: [label.environment] }) };
  const list = await connection.json(
    { method: "GET", path: "/networks", query, signal },
    networkShape.array(),
  );
  return list.flatMap(({ Name, Labels }) => {
    const [environment, branch, node] = [label.environment, label.branch, label.node].map(
      (key) => Labels[key],
    );
    if (environment === undefined || branch === undefined || node === undefined) return [];
    return Name === networkName(environment) ? [{ environment, branch, node }] : [];
  });
}

function isOurs(labels: Readonly<Record<string, string>>, owner: Owner): boolean {
  return (
    labels[label.node] === owner.node &&
    labels[label.environment] === owner.environment &&
    labels[label.branch] !== undefined
  );
}

/** Finds the environment's network or makes it, with a subnet that overlaps no route, interface or network (SPEC 7). */
export async function ensureNetwork(
  connection: Connection,
  owner: Owner,
  branch: string,
  signal: AbortSignal,
): Promise<ObservedNetwork> {
  const present = await findNetwork(connection, owner, signal);
  if (present !== null) return present;
  const name = networkName(owner.environment);
  const list = await connection.json({ method: "GET", path: "/networks", signal }, networkShape.array());
  const stranger = list.find((network) => network.Name === name);
  if (stranger !== undefined) {
    throw new EngineError(
      "name-taken",
      `a network named '${name}' exists that is not of this node and environment: remove it ('docker network rm ${name}') or rename it`,
    );
  }
  const taken = [
    ...hostBlocks(),
    ...list.flatMap((network) =>
      (network.IPAM?.Config ?? []).map((config) => parseCidr(config.Subnet ?? "")),
    ),
  ];
  for (const block of candidates(owner.environment)) {
    if (taken.some((other) => other !== null && overlaps(block, other))) continue;
    try {
      await connection.run({
        method: "POST",
        path: "/networks/create",
        body: {
          Name: name,
          CheckDuplicate: true,
          Driver: "bridge",
          IPAM: {
            Config: [
              {
                Subnet: formatCidr(block),
                IPRange: formatCidr(upperHalf(block)),
                Gateway: formatAddress(block.base + 1),
              },
            ],
          },
          Labels: {
            [label.node]: owner.node,
            [label.environment]: owner.environment,
            [label.branch]: branch,
          },
        },
        signal,
      });
    } catch (error) {
      if (error instanceof EngineError && /overlap/i.test(error.message)) continue;
      throw error;
    }
    const made = await findNetwork(connection, owner, signal);
    if (made !== null) return made;
  }
  throw new EngineError(
    "engine",
    "no free /22 network is left in 10.196.0.0/14 for the environment's network",
  );
}

/** What the host itself can reach: its interfaces and, but for the default one, its routes. */
function hostBlocks(): (Cidr | null)[] {
  const interfaces = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map((entry) => parseCidr(entry.cidr ?? "")),
  );
  const routes = readRoutes()
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.split("\t");
      const destination = littleEndian(fields[1] ?? "");
      const mask = littleEndian(fields[7] ?? "");
      if (destination === null || mask === null || mask === 0) return [];
      return [parseCidr(`${formatAddress(destination)}/${String(32 - Math.log2(2 ** 32 - mask))}`)];
    });
  return [...interfaces, ...routes];
}

/** Without the table the engine's own check for overlaps is what is left. */
function readRoutes(): string {
  try {
    return readFileSync("/proc/net/route", "utf8");
  } catch {
    return "";
  }
}

function littleEndian(hex: string): number | null {
  if (!/^[0-9A-F]{8}$/.test(hex)) return null;
  return Buffer.from(hex, "hex").readUInt32LE(0);
}
