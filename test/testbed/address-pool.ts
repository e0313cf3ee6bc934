/** Gives every engine of the test bed a range of addresses of its own, across all processes of the machine. */
import { once } from "node:events";
import { createServer } from "node:net";

export interface AddressPool {
  /** A /20 of 10.192.0.0/14, as `a.b.c.d/20`. */
  cidr: string;
  release(): Promise<void>;
}

/**
 * Everything the test bed's networks use: the pools here (10.192.0.0/14), and what orun chooses for its environments
 * (10.196.0.0/14).
 */
export const testbedRange = "10.192.0.0/13";

/**
 * Claims a free pool by listening on an abstract socket that is named for it: taken or free is decided by the kernel, and a
 * process that is killed gives its pool back.
 */
export async function claimAddressPool(): Promise<AddressPool> {
  for (let index = 0; index < 64; index++) {
    const claim = createServer();
    try {
      claim.listen({ path: `\0orun-testbed-pool-${index}` });
      await once(claim, "listening");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") continue;
      throw error;
    }
    claim.unref();
    return {
      cidr: `10.${192 + Math.floor(index / 16)}.${(index % 16) * 16}.0/20`,
      release: () => new Promise((resolve) => claim.close(() => resolve())),
    };
  }
  throw new Error("64 engines of the test bed run on this machine already: end some of them");
}
