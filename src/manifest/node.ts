import { z } from "zod";
import { absolutePath, dnsName, duration, portNumber } from "./fields.ts";

/** The Node of SPEC 2. */
export const nodeSpec = z.strictObject({
  host: z.string().min(1).describe("address for SSH at bootstrap"),
  user: z.string().default("root").describe("SSH user at bootstrap (default `root`); another one needs sudo"),
  sshKeyPath: z
    .string()
    .default("~/.ssh/id_ed25519")
    .describe("key on the operator's machine, used at bootstrap only (default `~/.ssh/id_ed25519`)"),
  sshPort: portNumber.default(22).describe("SSH port (default 22)"),
  gitRepo: z.string().min(1).describe("URL of this repository, as the node sees it"),
  gitBranch: z.string().default("main").describe("the branch that the node follows (default `main`)"),
  pollInterval: duration(500, 86_400_000)
    .default(5000)
    .describe("how often Git is asked, `500ms` to `24h` (default `5s`)"),
  dataDir: absolutePath.default("/opt/orun/").describe("the agent's state (default `/opt/orun/`)"),
  codeDir: absolutePath
    .default("/var/lib/orun/code")
    .describe("where build contexts live (default `/var/lib/orun/code`)"),
  environment: dnsName.describe("overrides the name derived from the branch").optional(),
  previews: z
    .strictObject({
      branches: z.array(z.string()).min(1).describe("patterns such as `feat-*`"),
      max: z.number().int().min(1).default(5).describe("how many at most (default 5)"),
      ttl: duration()
        .default(7 * 86_400_000)
        .describe("how long without a push (default `7d`)"),
    })
    .describe("preview environments")
    .optional(),
  ingress: z
    .strictObject({
      image: z.string().describe("the Caddy image").optional(),
      httpPort: portNumber.default(80).describe("(default 80)"),
      httpsPort: portNumber.default(443).describe("(default 443)"),
      acme: z
        .strictObject({
          email: z.string().describe("contact for the certificate authority").optional(),
          ca: z.url().describe("directory URL of another authority").optional(),
          caRoot: absolutePath.describe("its root certificate").optional(),
        })
        .describe("automatic certificates")
        .optional(),
    })
    .describe("the node's HTTP entry")
    .optional(),
});

export type NodeSpec = z.output<typeof nodeSpec>;
