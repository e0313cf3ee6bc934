/** What the tests of bootstrap share: hosts, a Git server that accepts keys only later, an operator, and executables. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { createGitRemote, type GitRemote } from "../testbed/git-remote.ts";
import { type GitSsh, startGitSsh } from "../testbed/git-ssh.ts";
import { type Host, type HostBed, startHostBed } from "../testbed/host.ts";
import { type OrunRun, runOrun } from "../testbed/orun-process.ts";

export interface World {
  bed: HostBed;
  remote: GitRemote;
  git: GitSsh;
  /** The operator's checkout, with nodes/web-01.yaml. */
  folder: string;
  /** A new folder for other things. */
  scratch(): string;
  /** Puts the Node of a host there and into the repository, with a deployment `hello` on its port 8080. */
  describe(host: Host, node?: Record<string, string>): Promise<void>;
  orun(...args: string[]): OrunRun;
  stop(): Promise<void>;
}

/** Tests that build on each other: after one has failed, the others fail at once instead of waiting in vain. */
export function steps(): (name: string, work: () => Promise<void>) => void {
  let failed: string | null = null;
  return (name, work) => {
    it(name, async () => {
      if (failed !== null) throw new Error(`'${failed}' has failed before`);
      failed = name;
      await work();
      failed = null;
    });
  };
}

export async function openWorld(): Promise<World> {
  const root = mkdtempSync(join(tmpdir(), "orun-bootstrap-"));
  const folder = join(root, "infra");
  mkdirSync(join(folder, "nodes"), { recursive: true });
  const bed = await startHostBed();
  const remote = await createGitRemote();
  const git = await startGitSsh({ repository: remote.path, address: bed.gateway });
  await git.revokeKeys();
  let scratches = 0;
  return {
    bed,
    remote,
    git,
    folder,
    scratch() {
      const path = join(root, `scratch-${String(scratches++)}`);
      mkdirSync(path);
      return path;
    },
    async describe(host, node = {}) {
      const manifest = nodeManifest({
        host: host.address,
        gitRepo: git.url,
        sshKeyPath: bed.operator.key,
        ...node,
      });
      writeFileSync(join(folder, "nodes", "web-01.yaml"), manifest);
      await remote.commit(
        { "nodes/web-01.yaml": manifest, "deployments/hello.yaml": helloManifest("1") },
        "hello",
      );
    },
    orun: (...args) => runOrun(args, { cwd: folder, path: bed.operator.path }),
    async stop() {
      await bed.stop();
      await git.stop();
      await remote.remove();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export function helloManifest(version: string): string {
  return `apiVersion: run.orcra.dev/v0alpha
kind: Deployment
metadata: { name: hello }
spec:
  image: demo:1
  ports: [{ containerPort: 80, port: 8080 }]
  env: { VERSION: "${version}" }
  health: { readiness: { http: "localhost:80/health" } }
`;
}

function nodeManifest(spec: Record<string, string>): string {
  const lines = Object.entries(spec).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}\n`);
  return `apiVersion: run.orcra.dev/v0alpha\nkind: Node\nmetadata: { name: web-01 }\nspec:\n${lines.join("")}`;
}

/** The operator trusts the Git server from now on. */
export function trustGitServer(world: World): void {
  const { knownHosts } = world.bed.operator;
  writeFileSync(knownHosts, readFileSync(knownHosts, "utf8") + readFileSync(world.git.knownHosts, "utf8"));
}

/** The node's public key, out of what bootstrap printed. */
export function printedKey(output: string): string {
  const key = /^ssh-ed25519 \S+ orun@web-01$/m.exec(output.replaceAll("\r", ""))?.[0];
  if (key === undefined) throw new Error(`no key was printed:\n${output}`);
  return key;
}

/** Everything that could be changed on a host by whoever installs something: path, kind, mode, size, time. */
export function listing(host: Host): Promise<string> {
  return host.sh(
    "find /etc /usr /opt /root /var/lib/orun /var/lib/dpkg -xdev \\( -name '*.lock' -o -name lock -o -path /opt/orun \\) -prune -o -printf '%p %y %m %s %T@\\n' 2>/dev/null | sort",
  );
}

/** Ids of all containers there, with their start times: a restart shows too. */
export function containers(host: Host): Promise<string> {
  return host.sh(
    "docker ps --all --quiet --no-trunc | xargs -r docker inspect --format '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}' | sort",
  );
}
