/** Where a Node manifest says that its host is reached. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { NodeSpec } from "../manifest/node.ts";

export interface SshTarget {
  host: string;
  port: number;
  user: string;
  /** Absolute path of a private key on this machine; null: left to ssh's configuration and agent. */
  keyPath: string | null;
}

/** A key file that does not exist here is left out: many operators keep their keys in an agent or on a token. */
export function targetOf(spec: Pick<NodeSpec, "host" | "sshPort" | "user" | "sshKeyPath">): SshTarget {
  const path = spec.sshKeyPath.startsWith("~/") ? join(homedir(), spec.sshKeyPath.slice(2)) : spec.sshKeyPath;
  return {
    host: spec.host,
    port: spec.sshPort,
    user: spec.user,
    keyPath: existsSync(path) ? path : null,
  };
}
