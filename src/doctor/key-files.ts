import { readFileSync, statSync } from "node:fs";
import { fail, type Finding, ok, warn } from "./finding.ts";

/** The files that ssh reads for the agent. */
export function checkKeyFiles(deployKey: string | null, knownHosts: string | null): Finding[] {
  const findings: Finding[] = [];
  if (deployKey !== null) findings.push(checkDeployKey(deployKey));
  if (knownHosts !== null) findings.push(checkKnownHosts(knownHosts));
  return findings;
}

function checkDeployKey(path: string): Finding {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined)
    return fail(
      "deploy key",
      `${path} is not there`,
      `Make one ('ssh-keygen -t ed25519 -N "" -f ${path}') and give the Git host its public half as a read-only deploy key.`,
    );
  if (!stat.isFile())
    return fail("deploy key", `${path} is no file`, "Name the private key's file in deployKey:.");
  const mode = stat.mode & 0o777;
  if ((mode & 0o077) !== 0)
    return fail(
      "deploy key",
      `${path} has mode ${mode.toString(8).padStart(4, "0")}: others may read it, and ssh refuses it`,
      `chmod 600 ${path}`,
    );
  return ok("deploy key", `${path}, readable by its owner only`);
}

function checkKnownHosts(path: string): Finding {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    return fail(
      "known hosts",
      `${path} cannot be read (${code})`,
      "Put the Git host's key there, from a place that you trust: unknown keys are refused.",
    );
  }
  const keys = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#")).length;
  return keys === 0
    ? warn("known hosts", `${path} is empty`, "Put the Git host's key there: unknown keys are refused.")
    : ok("known hosts", `${path}, ${keys} ${keys === 1 ? "key" : "keys"}`);
}
