/** What bootstrap is asked for: a node's manifest, and what was found out on the operator's machine. */
import type { NodeSpec } from "../manifest/node.ts";
import type { GitHost } from "./git-host.ts";

export interface Executable {
  path: string;
  sha256: string;
  architecture: "x64" | "arm64";
}

export interface Request {
  name: string;
  spec: NodeSpec;
  environment: string;
  git: GitHost;
  /** null: the one that the agent there has, else the first from 9100 on that no other agent there has. */
  statusPort: number | null;
  /** Also replace an executable that is there and differs. */
  upgrade: boolean;
}

/** A request with what depends on the host. */
export interface Wanted extends Request {
  statusPort: number;
  executable: Executable;
}
