/** The steps that change the engine, as data. Each is small, idempotent and has a reason that a person can read. */

interface OnContainer {
  container: string;
  /** Its name, for people. */
  name: string;
  reason: string;
}

export type Action =
  | { kind: "pull"; revision: string; image: string; reason: string }
  | { kind: "ensure-network"; reason: string }
  /** `alias`: it answers to the deployment's name at once, because nothing else serves. */
  | { kind: "create"; revision: string; replica: number; name: string; alias: boolean; reason: string }
  | ({ kind: "start" } & OnContainer)
  /** Nothing is done: the container has to become ready before the plan goes on. */
  | ({ kind: "await-ready" } & OnContainer)
  /** Proven: it gets the deployment's name in DNS and the restart policy `always` (SPEC 3). */
  | ({ kind: "promote" } & OnContainer)
  /** A new container did not prove itself: remember why, so that the plan turns back. */
  | ({ kind: "fail"; cause: "exited" | "not-ready" } & OnContainer)
  /** The ingress sends requests to exactly these containers from now on (SPEC 6). */
  | { kind: "route"; containers: string[]; names: string[]; reason: string }
  /** Requests in flight finish, for `drainMs` at most; then out of DNS, and restart policy `no`, before a stop (SPEC 3, 6). */
  | ({ kind: "retire"; drainMs: number } & OnContainer)
  | ({ kind: "stop"; graceMs: number } & OnContainer)
  | ({ kind: "remove" } & OnContainer)
  | ({ kind: "resume" } & OnContainer)
  | ({ kind: "rename"; to: string } & OnContainer)
  | ({ kind: "attach" } & OnContainer)
  | ({ kind: "set-resources"; cpus: number | null; memory: number | null } & OnContainer)
  /** Liveness failed: requests in flight finish, for `drainMs` at most, then stop and start (SPEC 3). */
  | ({ kind: "restart"; drainMs: number; graceMs: number } & OnContainer);

type ActionKind = Action["kind"];
export type ActionOf<K extends ActionKind> = Extract<Action, { kind: K }>;

/** The actions that call the engine; the others are the agent's own (a pull runs beside, a failure is remembered). */
export type EngineAction = Exclude<Action, { kind: "pull" | "await-ready" | "fail" }>;
