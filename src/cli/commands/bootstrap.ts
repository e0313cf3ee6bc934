import { bootstrapNode } from "../../bootstrap/bootstrap.ts";
import { findExecutable, inspectExecutable } from "../../bootstrap/executable.ts";
import { gitHostOf } from "../../bootstrap/git-host.ts";
import { connectSsh } from "../../bootstrap/ssh.ts";
import { targetOf } from "../../bootstrap/target.ts";
import { askForNode } from "../bootstrap/ask-node.ts";
import { readConsent } from "../bootstrap/consent.ts";
import { readNodeManifest } from "../bootstrap/node-manifest.ts";
import { sourcesFolder } from "../bootstrap/sources.ts";
import { createTeller } from "../bootstrap/teller.ts";

/** The deploy key is waited for this long (ms), which is time for a walk to whoever may add it. */
const keyPatienceMs = 30 * 60_000;

/**
 * `orun bootstrap [nodes/NAME.yaml]` (SPEC 9). Exit code 0 when everything that the repository asks of the node runs, 1 when
 * something does not; throws when it could not go on.
 */
export async function bootstrap(file: string | undefined, options: Record<string, unknown>): Promise<number> {
  const { terminal, yes, dryRun } = readConsent(options);
  if (file === undefined && (!terminal || yes))
    throw new Error("which node? Name its file: orun bootstrap nodes/web-01.yaml");
  const path = file ?? (await askForNode());
  const { name, spec, environment } = readNodeManifest(path);
  const given = options["executable"];
  const port = options["statusPort"];
  const request = {
    name,
    spec,
    environment,
    git: gitHostOf(spec.gitRepo),
    statusPort: typeof port === "string" ? portNumber(port) : null,
    upgrade: options["upgrade"] === true,
  };
  const teller = createTeller(terminal && !yes);
  const ssh = await connectSsh(targetOf(spec), { interactive: terminal });
  try {
    const well = await bootstrapNode(
      ssh,
      request,
      {
        dryRun,
        keyPatienceMs,
        executableFor: (architecture) =>
          inspectExecutable(
            typeof given === "string" ? given : findExecutable(architecture, sourcesFolder()),
          ),
      },
      teller,
    );
    if (dryRun) return 0;
    teller.say(
      well
        ? `${name} is up. From now on a push is a deploy: orun status --node ${name}`
        : `${name}: the agent runs, and not all is well yet. It goes on by itself; look again with: orun status --node ${name}`,
    );
    return well ? 0 : 1;
  } finally {
    await ssh.close();
  }
}

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new Error(`--status-port: expected a port, not '${text}'`);
}
