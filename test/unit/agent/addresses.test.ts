import assert from "node:assert/strict";
import { it } from "node:test";
import { createAddressPool } from "../../../src/agent/addresses.ts";
import { systemClock } from "../../../src/agent/clock.ts";
import type { ObservedNetwork } from "../../../src/state/observed.ts";

const network = (subnet: string, gateway: string): ObservedNetwork => ({
  id: "network",
  name: "orun",
  subnet,
  gateway,
});

it("a container keeps its address when its network is made anew with the same subnet, and gets another one with another", () => {
  const pool = createAddressPool(systemClock());
  pool.use("a", "10.198.240.7");
  assert.equal(pool.keep("a", network("10.198.240.0/22", "10.198.240.1")), "10.198.240.7");
  assert.equal(pool.keep("a", network("10.198.244.0/22", "10.198.244.1")), "10.198.244.2");
});
