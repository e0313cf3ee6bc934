import type { ObservedContainer, ObservedNetwork } from "../state/observed.ts";
import { freeAddress } from "../state/subnet.ts";
import { EngineError } from "./errors.ts";

/** Hands out static addresses on the environment's network, so that deployments side by side never get the same. */
export interface AddressPool {
  /** Learns which addresses containers have, stopped ones included. */
  observe(containers: readonly ObservedContainer[]): void;
  take(network: ObservedNetwork): string;
  giveBack(address: string): void;
  use(container: string, address: string): void;
  of(container: string): string | null;
  release(container: string): void;
}

export function createAddressPool(): AddressPool {
  const owned = new Map<string, string>();
  const pending = new Set<string>();
  return {
    observe(containers) {
      for (const { id, attachment } of containers) {
        if (attachment.kind === "attached" && attachment.staticAddress !== null)
          owned.set(id, attachment.staticAddress);
      }
    },
    take(network) {
      const address = freeAddress(network.subnet, network.gateway, new Set([...owned.values(), ...pending]));
      if (address === null) throw new EngineError("engine", `no free address is left in ${network.subnet}`);
      pending.add(address);
      return address;
    },
    giveBack: (address) => void pending.delete(address),
    use: (container, address) => void owned.set(container, address),
    of: (container) => owned.get(container) ?? null,
    release: (container) => void owned.delete(container),
  };
}
