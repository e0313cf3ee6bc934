import { connectSsh } from "../../bootstrap/ssh.ts";
import { targetOf } from "../../bootstrap/target.ts";
import { uninstallNode } from "../../bootstrap/uninstall.ts";
import { readConsent } from "../bootstrap/consent.ts";
import { readNodeManifest } from "../bootstrap/node-manifest.ts";
import { createTeller } from "../bootstrap/teller.ts";

/** `orun uninstall nodes/NAME.yaml`: takes the agent off a host. Exit code 0. */
export async function uninstall(file: string, options: Record<string, unknown>): Promise<number> {
  const { terminal, yes, dryRun } = readConsent(options);
  const { name, spec, environment } = readNodeManifest(file);
  const teller = createTeller(terminal && !yes);
  const ssh = await connectSsh(targetOf(spec), { interactive: terminal });
  try {
    const workloads = options["workloads"] === true;
    await uninstallNode(ssh, { name, environment, dataDir: spec.dataDir }, { workloads, dryRun }, teller);
    return 0;
  } finally {
    await ssh.close();
  }
}
