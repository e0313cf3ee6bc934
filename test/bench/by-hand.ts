/** The floor of every comparison: a container made through the API by hand, with nothing in between. */
import { z } from "zod";
import { mustApi } from "../testbed/engine-api.ts";

const idShape = z.object({ Id: z.string() });

/** Makes a network of its own; answers its id. */
export async function createNetwork(socket: string): Promise<string> {
  const body = { Name: "floor", Driver: "bridge" };
  return idShape.parse(JSON.parse(await mustApi(socket, "POST", "/networks/create", body))).Id;
}

/** Creates and starts one demo container; answers its id. */
export async function runByHand(socket: string, network: string, version: string): Promise<string> {
  const body = {
    Image: "demo:1",
    Env: [`VERSION=${version}`],
    HostConfig: { NetworkMode: network },
  };
  const made = idShape.parse(JSON.parse(await mustApi(socket, "POST", "/containers/create", body)));
  await mustApi(socket, "POST", `/containers/${made.Id}/start`);
  return made.Id;
}

export async function removeByHand(socket: string, id: string): Promise<void> {
  await mustApi(socket, "DELETE", `/containers/${id}?force=true`);
}
