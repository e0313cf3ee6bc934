import { stringify } from "yaml";
import { manifestJsonSchema } from "../../manifest/json-schema.ts";
import { API_VERSION } from "../../manifest/resource.ts";
import { type CiHost, ciFiles } from "./ci-files.ts";

/** What is already known about the first node and its repository; the rest are placeholders to be filled in. */
export interface StarterOptions {
  node: string;
  host: string;
  gitRepo: string;
  domain: string;
  ci: CiHost;
}

/** A file of the new repository and what it is for, in a few words. */
export interface StarterFile {
  path: string;
  purpose: string;
  text: string;
}

const SCHEMA_FILE = ".orun/schema.json";

/** The files of a new manifest repository. Pure; what is written is checked by the caller. */
export function starterFiles(options: StarterOptions): StarterFile[] {
  return [
    { path: `nodes/${options.node}.yaml`, purpose: "one host", text: nodeFile(options) },
    { path: "deployments/hello.yaml", purpose: "one containerised workload", text: deploymentFile() },
    { path: "services/hello.yaml", purpose: "one HTTP route to it", text: serviceFile(options) },
    {
      path: SCHEMA_FILE,
      purpose: "completion and checks in editors, offline; refresh it with 'orun schema'",
      text: `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`,
    },
    ...ciFiles(options.ci),
  ];
}

/** Editors with the YAML language server (VS Code, Neovim, Helix, JetBrains) read this line. */
const MODELINE = `# yaml-language-server: $schema=../${SCHEMA_FILE}`;

function nodeFile({ node, host, gitRepo }: StarterOptions): string {
  return `${MODELINE}
#
# A node is one host that runs containers. 'orun bootstrap nodes/${node}.yaml' installs the agent on it, once. From then on
# the agent follows this repository: a push is a deploy, a revert is a rollback.
apiVersion: ${API_VERSION}
kind: Node
metadata:
  # Deployments name it under 'nodes', and 'orun status --node ${node}' asks it.
  name: ${scalar(node)}
  # Or deployments choose nodes by label, with 'nodeSelector'.
  labels:
    role: web
spec:
  # Where ssh finds it: a name or an address.
  host: ${scalar(host)}
  # Another user than root needs sudo without a password.
  user: root
  # sshKeyPath: ~/.ssh/id_ed25519
  # This repository, as the node sees it. A private one needs no secret here: the node makes its own read-only deploy key.
  gitRepo: ${scalar(gitRepo)}
  # 'main' is production. A node on any other branch is an environment of its own.
  gitBranch: main
  # How often the node asks Git: a push is noticed within this time.
  pollInterval: 5s
  # ingress:
  #   acme:
  #     email: ops@example.com # told when a certificate cannot be renewed
`;
}

function deploymentFile(): string {
  return `${MODELINE}
#
# A deployment is one containerised workload. Change 'image', commit and push: the new container is started beside the old
# one, and takes over once it is ready. One that never becomes ready is taken away, and the old one goes on serving.
apiVersion: ${API_VERSION}
kind: Deployment
metadata:
  name: hello
spec:
  image: nginx:1.27
  ports:
    # The container's own port. A service needs no host port. With 'port: 8080' the host would publish it too, and a
    # release would have to stop the old container first.
    - containerPort: 80
  health:
    # 'localhost' is the container. Requests go to it once this answers 200 to 399.
    readiness:
      http: localhost:80/
  env:
    GREETING: hello
  # Secrets do not belong into Git: files on the node with KEY=value lines.
  # envFiles:
  #   - /etc/orun/secrets/hello.env
  # Data lives in volumes; orun never deletes them.
  # volumes:
  #   - name: hello-data
  #     containerPath: /data
  # Only on some nodes: every node runs it when neither 'nodes' nor 'nodeSelector' is given.
  nodeSelector:
    role: web
`;
}

function serviceFile({ domain }: StarterOptions): string {
  return `${MODELINE}
#
# A service is one HTTP route to a deployment. Point the domain's DNS record at the node before you push it: the certificate
# is ordered when the node serves the name.
apiVersion: ${API_VERSION}
kind: Service
metadata:
  name: hello
spec:
  deployment: hello
  ingress:
    domain:
      # On production, which is the branch 'main'.
      default: ${scalar(domain)}
      # On every other branch; $ENV is the environment's name.
      environment: $ENV.${scalar(domain)}
    # A certificate, its renewal, and the redirect from HTTP.
    ssl: true
`;
}

/** A text as one YAML scalar, quoted where it would be read as something else. */
function scalar(text: string): string {
  return stringify(text, { lineWidth: 0 }).trimEnd();
}
