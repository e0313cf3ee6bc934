/** What the engine reports, reduced to the facts that planning needs. Engine words: Docker API, ContainerInspect. */

export type ContainerPhase = "created" | "running" | "paused" | "restarting" | "exited" | "removing" | "dead";

export interface HostPort {
  port: number;
  protocol: "tcp" | "udp";
  /** null: every address of the host. */
  hostIP: string | null;
}

/** How a container hangs on its environment's network. */
export type Attachment =
  | { kind: "host" }
  | { kind: "detached" }
  | {
      kind: "attached";
      networkId: string;
      /** The static IPv4 address that we asked for; null when the engine chose one. */
      staticAddress: string | null;
      /** The address in use; null while the container is not running. */
      address: string | null;
      /** Names other than the container's own that the network's DNS answers with this container. */
      aliases: string[];
    };

export interface ObservedContainer {
  id: string;
  /** Without the engine's leading slash. */
  name: string;
  deployment: string;
  revision: string;
  /** 1-based. */
  replica: number;
  /** The commit that created it. */
  commit: string;
  /** The manifest file that it came from. */
  file: string;
  /** The spec in its label: env values as hashes. Unparsed JSON, to be compared field by field. */
  specLabel: string;
  /** The engine's id of its image (sha256:…). */
  imageId: string;
  /** The image reference that it was created with. */
  imageRef: string;
  phase: ContainerPhase;
  exitCode: number;
  oomKilled: boolean;
  /** The engine's own error text of the last start, or "". */
  error: string;
  createdAt: number;
  /** ms since the epoch; null when it was never started. */
  startedAt: number | null;
  finishedAt: number | null;
  /** Restarts by the engine since the container was last started by a call. */
  restarts: number;
  restartPolicy: string;
  cpus: number | null;
  /** Bytes. */
  memory: number | null;
  attachment: Attachment;
  /** Published host ports as asked for at creation. */
  ports: HostPort[];
}

/** A container that is not ours: only its name and ports matter, it is never touched. */
export interface ForeignContainer {
  id: string;
  name: string;
  running: boolean;
  ports: HostPort[];
  /** Why it is not ours although it carries our labels ("its labels come from its image", "its name is not …"); null: no such labels. */
  disowned: string | null;
}

/** A container with our labels that the engine could not show; nothing may be concluded from its absence elsewhere. */
export interface UnreadableContainer {
  id: string;
  name: string;
  /** By its label; null: it carries none. */
  deployment: string | null;
  /** What the engine said, or that it said nothing in time. */
  message: string;
}

export interface ObservedNetwork {
  id: string;
  name: string;
  /** CIDR. */
  subnet: string;
  gateway: string;
}

export interface ObservedState {
  containers: ObservedContainer[];
  foreign: ForeignContainer[];
  /** Their deployments are left alone until they can be read. */
  unreadable: UnreadableContainer[];
  /** The environment's network; null when it does not exist. */
  network: ObservedNetwork | null;
  /** ms since the epoch at which the observation began. */
  at: number;
}
