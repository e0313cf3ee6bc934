import assert from "node:assert/strict";
import { it } from "node:test";
import { deployKeyPage, gitHostOf, publishedFingerprints } from "../../../src/bootstrap/git-host.ts";
import { parseHostKeys, renderKnownHosts } from "../../../src/bootstrap/host-keys.ts";
import { accessCommand, judgeAccess } from "../../../src/bootstrap/repository-access.ts";

const git = gitHostOf("git@git.example.com:acme/infra.git");

function judged(code: number, stderr: string): string {
  const access = judgeAccess(git, "production", "main", { code, stderr });
  return access.state === "ok" ? "ok" : `${access.state}: ${access.message}`;
}

it("tells a key that is not added yet, a missing branch, host key trouble and a dead line apart", () => {
  assert.equal(judged(0, ""), "ok");
  assert.match(judged(2, ""), /^waiting: .*no branch 'main' yet: push it/);
  assert.match(
    judged(
      128,
      "git@git.example.com: Permission denied (publickey).\nfatal: Could not read from remote repository.\n",
    ),
    /^waiting: the key is not accepted yet/,
  );
  assert.match(
    judged(128, "ERROR: Repository not found.\nfatal: Could not read"),
    /^waiting: the key is not accepted yet/,
  );
  assert.match(
    judged(
      128,
      "No ED25519 host key is known for git.example.com and you have requested strict checking.\nHost key verification failed.\n",
    ),
    /^failed: .*another key.*agent\.known_hosts/,
  );
  assert.match(
    judged(128, "ssh: connect to host git.example.com port 22: Connection refused\n"),
    /^waiting: the node does not reach/,
  );
  assert.match(judged(124, ""), /^waiting: .*did not answer/);
  assert.match(judged(128, "fatal: 'x' appears to be a strange thing"), /^failed: .*spec\.gitRepo/);
});

it("asks with the node's own key and pinned host key only", () => {
  const command = accessCommand(git, "production", "main").join(" ");
  assert.match(
    command,
    /-F \/dev\/null .*StrictHostKeyChecking=yes.*IdentitiesOnly=yes.*-i \/etc\/orun\/agent\.key .*UserKnownHostsFile=\/etc\/orun\/agent\.known_hosts/,
  );
  assert.ok(
    command.endsWith("git ls-remote --exit-code -- git@git.example.com:acme/infra.git refs/heads/main"),
  );
});

it("knows the pages where deploy keys are added", () => {
  const page = (url: string): string => {
    const host = gitHostOf(url);
    return host.kind === "ssh" ? deployKeyPage(host) : "";
  };
  assert.match(
    page("git@github.com:acme/infra.git"),
    /^https:\/\/github\.com\/acme\/infra\/settings\/keys\/new /,
  );
  assert.match(
    page("ssh://git@gitlab.example.com/a/b/infra.git"),
    /^https:\/\/gitlab\.example\.com\/a\/b\/infra\/-\/settings\/repository/,
  );
  assert.match(
    page("git@codeberg.org:acme/infra.git"),
    /^https:\/\/codeberg\.org\/acme\/infra\/settings\/keys /,
  );
  assert.match(
    page("git@bitbucket.org:acme/infra.git"),
    /^https:\/\/bitbucket\.org\/acme\/infra\/admin\/access-keys\//,
  );
  assert.match(page("root@10.0.0.1:/srv/infra.git"), /authorized_keys/);
});

it("recognises a published key, and pins what it was shown without revoked ones", () => {
  // The key whose fingerprint GitHub publishes.
  const line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
  const keys = parseHostKeys(`# comment\n|1|hash|ed= ${line}\n@revoked github.com ${line}\nnonsense\n`);
  assert.equal(keys.length, 1);
  assert.ok(publishedFingerprints("GitHub.com")?.includes(keys[0]?.fingerprint ?? ""));
  assert.equal(publishedFingerprints("git.example.com"), null);
  assert.equal(renderKnownHosts("git.example.com", 2222, keys), `[git.example.com]:2222 ${line}\n`);
});
