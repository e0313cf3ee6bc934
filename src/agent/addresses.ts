import type { ObservedContainer, ObservedNetwork } from "../state/observed.ts";
import { contains, freeAddress } from "../state/subnet.ts";
import type { Clock } from "./clock.ts";
import { EngineError } from "./errors.ts";

/** Hands out static addresses on the environment's network, so that deployments side by side never get the same. */
export interface AddressPool {
  /** Learns which addresses containers have, stopped ones included. */
  observe(containers: readonly ObservedContainer[]): void;
  take(network: ObservedNetwork): string;
  giveBack(address: string): void;
  use(container: string, address: string): void;
  /** The container's own address while it lies in the network, which may have been made anew with another subnet; else a free one. */
  keep(container: string, network: ObservedNetwork): string;
  release(container: string): void;
  /** Something that is not ours has it: another one is taken from now on. */
  avoid(address: string): void;
  /** Addresses of containers that an observation begun at `before` (ms) does not show are free again. */
  forget(present: ReadonlySet<string>, before: number): void;
}

/** So many of the addresses that strangers were met at are avoided; the oldest are tried again. */
const AVOIDED = 256;

export function createAddressPool(clock: Clock): AddressPool {
  const owned = new Map<string, { address: string; since: number }>();
  const avoided = new Set<string>();
  const pending = new Set<string>();
  const use = (id: string, address: string): void => {
    if (owned.get(id)?.address !== address) owned.set(id, { address, since: clock.now() });
  };
  const take = (network: ObservedNetwork): string => {
    const address = freeAddress(
      network.subnet,
      network.gateway,
      new Set([...[...owned.values()].map((item) => item.address), ...pending, ...avoided]),
    );
    if (address === null) throw new EngineError("engine", `no free address is left in ${network.subnet}`);
    pending.add(address);
    return address;
  };
  return {
    observe(containers) {
      for (const { id, attachment } of containers) {
        if (attachment.kind === "attached" && attachment.staticAddress !== null)
          use(id, attachment.staticAddress);
      }
    },
    take,
    giveBack: (address) => void pending.delete(address),
    use,
    keep(container, network) {
      const own = owned.get(container)?.address ?? null;
      return own !== null && contains(network.subnet, own) ? own : take(network);
    },
    release: (container) => void owned.delete(container),
    avoid(address) {
      avoided.add(address);
      for (const oldest of avoided) if (avoided.size > AVOIDED) avoided.delete(oldest);
    },
    forget(present, before) {
      for (const [id, { since }] of owned) if (!present.has(id) && since < before) owned.delete(id);
    },
  };
}
