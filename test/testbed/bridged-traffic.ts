/** Lets containers on one bridge of the test bed talk to each other, whatever the machine's firewall says. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { testbedRange } from "./address-pool.ts";

/**
 * Another engine on the machine sets the FORWARD policy to DROP, and with br_netfilter that holds for what stays within a
 * bridge too. The test bed's engines touch no firewall (see dockerd.ts), so this puts one rule there, for bridged traffic
 * within the test bed's addresses, marked with the engine's name. Nothing is done where bridges are not filtered.
 */
export function allowBridgedTraffic(mark: string): void {
  if (!bridgesAreFiltered()) return;
  const done = iptables("-I", mark);
  if (done.status !== 0)
    throw new Error(
      `iptables could not let the test bed's containers talk to each other: ${done.stderr || String(done.error)}`,
    );
}

/** Takes the rule out again; one that is not there is none to take out. */
export function forgetBridgedTraffic(mark: string): void {
  if (bridgesAreFiltered()) iptables("-D", mark);
}

function iptables(verb: "-I" | "-D", mark: string): ReturnType<typeof spawnSync> & { stderr: string } {
  const range = ["-s", testbedRange, "-d", testbedRange];
  const match = ["-m", "physdev", "--physdev-is-bridged", "-m", "comment", "--comment", mark];
  const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
  return spawnSync("iptables", ["-w", verb, "FORWARD", ...range, ...match, "-j", "ACCEPT"], {
    env,
    encoding: "utf8",
  });
}

function bridgesAreFiltered(): boolean {
  try {
    return readFileSync("/proc/sys/net/bridge/bridge-nf-call-iptables", "utf8").trim() === "1";
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}
