import { EngineError } from "../../src/agent/errors.ts";
import type { ImageFacts } from "../../src/agent/ports.ts";
import { label, networkName, type Owner } from "../../src/state/labels.ts";
import { candidates, formatAddress, formatCidr, overlaps, parseCidr } from "../../src/state/subnet.ts";
import { digestOf, type ImageStore, repositoryOf } from "./engine-images.ts";
import { type FakeNetwork, notify, type World } from "./engine-world.ts";

/** Gets an image from the registry into the engine, under the reference and under its digest. */
export function pull(
  world: World,
  registry: Pick<ImageStore, "find">,
  reference: string,
  onProgress: (progress: { current: number; total: number; status: string }) => void,
): ImageFacts {
  const image = registry.find(reference);
  if (image === null)
    throw new EngineError("image-not-found", `pull of ${reference}: manifest unknown`, { status: 404 });
  onProgress({ current: 50, total: 100, status: "Downloading" });
  onProgress({ current: 100, total: 100, status: "Downloading" });
  world.images.tag(reference, image);
  world.images.tag(`${repositoryOf(reference)}@${digestOf(image)}`, image);
  return world.images.facts(image);
}

/** Makes the environment's network on the first block that no other network overlaps. */
export function makeNetwork(world: World, owner: Owner, branch: string, id: string): FakeNetwork {
  const taken = [...world.networks.values()].map((network) => parseCidr(network.subnet));
  const block = candidates(owner.environment).find(
    (candidate) => !taken.some((other) => other !== null && overlaps(candidate, other)),
  );
  if (block === undefined) throw new EngineError("engine", "no free /22 network is left");
  const network: FakeNetwork = {
    id,
    name: networkName(owner.environment),
    labels: { [label.node]: owner.node, [label.environment]: owner.environment, [label.branch]: branch },
    subnet: formatCidr(block),
    gateway: formatAddress(block.base + 1),
  };
  world.networks.set(network.id, network);
  notify(world);
  return network;
}
