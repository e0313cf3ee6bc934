import type { EngineIdentity } from "../agent/ports.ts";
import { fail, type Finding, ok, reasonOf } from "./finding.ts";

/** Whether the engine answers, and which one it is. */
export async function checkEngine(
  engine: { identity(signal: AbortSignal): Promise<EngineIdentity> },
  socket: string,
): Promise<Finding> {
  try {
    const { version, apiVersion } = await engine.identity(AbortSignal.timeout(10_000));
    return ok("engine", `Docker ${version}, API ${apiVersion}, on ${socket}`);
  } catch (error) {
    return fail(
      "engine",
      reasonOf(error),
      "Is it installed and running ('systemctl status docker')? Another socket is named with --docker-host or dockerHost:. Run this as root.",
    );
  }
}
