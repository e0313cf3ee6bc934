import { z } from "zod";
import { absolutePath, dnsName, duration, oneLine, portNumber, wholeNumber } from "./fields.ts";
import { explainImage } from "./image.ts";

/** A text that a program could take for an option if it began with a dash (attacks on argument vectors). */
const operand = oneLine.refine(
  (text) => !text.startsWith("-"),
  "expected a text that does not start with '-'",
);

const previews = z.strictObject({
  branches: z
    .array(operand)
    .min(1, "expected at least one pattern")
    .meta({ description: "Patterns of branch names, where `*` is any text.", examples: [["feat-*"]] }),
  max: wholeNumber(1, 100)
    .default(5)
    .meta({ description: "How many previews run at once at most.", examples: [3] }),
  ttl: duration(60_000)
    .prefault("7d")
    .meta({ description: "How long a preview lives after its branch's last push.", examples: ["48h"] }),
});

const acme = z.strictObject({
  email: z
    .email("expected an e-mail address")
    .meta({ description: "Contact for the certificate authority.", examples: ["ops@example.com"] })
    .optional(),
  ca: z
    .url({ protocol: /^https$/, error: "expected the https URL of an ACME directory" })
    .meta({
      description: "ACME directory of another certificate authority.",
      examples: ["https://acme.example.com/directory"],
    })
    .optional(),
  caRoot: absolutePath
    .meta({
      description: "Root certificate of that authority, a file on the node.",
      examples: ["/etc/orun/ca.pem"],
    })
    .optional(),
});

const ingress = z.strictObject({
  image: z
    .string()
    .refine((text) => explainImage(text) === null, "expected an image reference such as caddy:2.11")
    .meta({ description: "Caddy's image; a pinned one when left out.", examples: ["caddy:2.11"] })
    .optional(),
  httpPort: portNumber.default(80).meta({ description: "The host's port for HTTP.", examples: [8080] }),
  httpsPort: portNumber.default(443).meta({ description: "The host's port for HTTPS.", examples: [8443] }),
  acme: acme.meta({ description: "Automatic certificates." }).optional(),
});

/** The Node of SPEC 2; times in ms. */
export const nodeSpec = z.strictObject({
  host: operand.meta({
    description: "Address for SSH at bootstrap.",
    examples: ["203.0.113.10", "web-01.example.com"],
  }),
  user: operand
    .default("root")
    .meta({ description: "SSH user at bootstrap; another one than `root` needs sudo.", examples: ["admin"] }),
  sshKeyPath: oneLine.default("~/.ssh/id_ed25519").meta({
    description: "SSH key on the operator's machine, used at bootstrap only.",
    examples: ["~/.ssh/fleet"],
  }),
  sshPort: portNumber.default(22).meta({ description: "SSH port at bootstrap.", examples: [2222] }),
  gitRepo: operand.meta({
    description:
      "URL of this repository, as the node sees it: https, ssh, `git@host:path`, or a local path. A change is reported, not followed.",
    examples: ["git@github.com:example/infra.git"],
  }),
  gitBranch: operand.default("main").meta({
    description:
      "The branch that the node follows; on `main` it is production. A change is reported, not followed.",
    examples: ["staging"],
  }),
  pollInterval: duration(500, 86_400_000)
    .prefault("5s")
    .meta({
      description: "How often Git is asked, `500ms` to `24h`; a change takes effect without a restart.",
      examples: ["30s"],
    }),
  dataDir: absolutePath.default("/opt/orun/").meta({
    description:
      "The agent's state: clone, ingress data, environment volumes. A change is reported, not followed.",
    examples: ["/srv/orun/"],
  }),
  codeDir: absolutePath
    .default("/var/lib/orun/code")
    .meta({ description: "Where build contexts live.", examples: ["/srv/code"] }),
  environment: dnsName
    .meta({
      description: "Overrides the environment's name, which is derived from the branch.",
      examples: ["staging"],
    })
    .optional(),
  previews: previews
    .meta({ description: "Preview environments for matching branches; off when left out." })
    .optional(),
  ingress: ingress.meta({ description: "The node's entry for HTTP and HTTPS." }).optional(),
});

/** What a node is; `pollInterval` and `previews.ttl` in ms. */
export type NodeSpec = z.output<typeof nodeSpec>;
