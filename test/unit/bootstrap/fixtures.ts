/** A host and a request, to be varied. */
import { type Facts, parseFacts } from "../../../src/bootstrap/facts.ts";
import { gitHostOf } from "../../../src/bootstrap/git-host.ts";
import type { Wanted } from "../../../src/bootstrap/wanted.ts";
import { nodeSpec } from "../../../src/manifest/node.ts";

export const freshDebian = `os\tdebian 13
osname\tDebian GNU/Linux 13 (trixie)
arch\tx86_64
uid\t0
time\t1000000
systemd\t257
disk\t/ 40000000
disk\t/var/lib 40000000
disk\t/usr/local 40000000
package\tca-certificates installed
package\tgit config-files
listens\t22 311 sshd
link\t
unit\torun@agent.service  inactive
folder\t755 0 /etc/orun
end\tyes
`;

export function factsOf(change: Partial<Facts> = {}): Facts {
  return { ...parseFacts(freshDebian), ...change };
}

export function wantedOf(change: Partial<Wanted> = {}, spec: Record<string, unknown> = {}): Wanted {
  const parsed = nodeSpec.parse({
    host: "203.0.113.10",
    gitRepo: "git@github.com:acme/infra.git",
    ...spec,
  });
  return {
    name: "web-01",
    spec: parsed,
    environment: "production",
    git: gitHostOf(parsed.gitRepo),
    statusPort: 9100,
    upgrade: false,
    executable: { path: "dist/orun-linux-x64", sha256: "a".repeat(64), architecture: "x64" },
    ...change,
  };
}
