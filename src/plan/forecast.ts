import type { Action } from "./action.ts";
import { decide } from "./decide.ts";
import type { DeploymentInput, TrackedContainer } from "./input.ts";

/** More steps than any rollout has; a plan that long would be a defect, and is cut rather than endless. */
const MAX_STEPS = 1000;

/**
 * The whole plan for one deployment if all goes well: decisions strung together over a simulated engine. What `orun plan`
 * shows; the agent itself only ever executes the first action and then observes again (ARCHITECTURE, principle 3).
 */
export function forecast(input: DeploymentInput): Action[] {
  const actions: Action[] = [];
  let state = input;
  for (let step = 0; step < MAX_STEPS; step++) {
    const decision = decide(state);
    if (decision.kind === "done") break;
    if (decision.kind === "act") {
      actions.push(decision.action);
      state = simulate(state, decision.action);
    } else if (decision.container !== null) {
      const id = decision.container;
      const name = state.containers.find((container) => container.id === id)?.name ?? id;
      actions.push({ kind: "await-ready", container: id, name, reason: "new" });
      state = change(state, id, (container) => ({ ...container, readiness: "passing", since: -Infinity }));
      if (decision.until === null) state = { ...state, fallback: false };
    } else if (decision.until !== null) state = { ...state, now: Math.max(decision.until, state.now) };
    else if (state.image.kind === "pulling") state = { ...state, image: { kind: "ready" } };
    else if (state.blocked !== null) state = { ...state, blocked: null };
    else break;
  }
  return actions;
}

/** The state after an action that succeeded. */
export function simulate(state: DeploymentInput, action: Action): DeploymentInput {
  switch (action.kind) {
    case "pull":
      return { ...state, image: { kind: "ready" } };
    case "ensure-network":
      return { ...state, networkId: state.networkId ?? "network" };
    case "create":
      return { ...state, containers: [...state.containers, created(state, action)] };
    case "start":
      return change(state, action.container, (container) => ({
        ...container,
        phase: "running",
        tried: true,
        since: state.now,
        readiness: "unknown",
      }));
    case "restart":
      return change(state, action.container, (container) => ({
        ...container,
        phase: "running",
        alive: true,
        since: state.now,
      }));
    case "await-ready":
      return change(state, action.container, (container) => ({ ...container, readiness: "passing" }));
    case "promote":
      return change(state, action.container, (container) => ({
        ...container,
        restartPolicy: "always",
        // What was promoted is ready, whatever its readiness was known by.
        readiness: "passing",
        attachment: aliased(container, true),
      }));
    case "route":
      return { ...state, routing: { known: true, routed: new Set(action.containers), strays: [] } };
    case "fail":
      return change(state, action.container, () => null);
    case "retire":
      return change(state, action.container, (container) => ({
        ...container,
        restartPolicy: "no",
        attachment: aliased(container, false),
      }));
    case "stop":
      return change(state, action.container, (container) => ({
        ...container,
        phase: "exited",
        since: state.now,
        tried: false,
      }));
    case "remove":
      return change(state, action.container, () => null);
    case "resume":
      return change(state, action.container, (container) => ({
        ...container,
        phase: "running",
        since: state.now,
      }));
    case "rename":
      return change(state, action.container, (container) => ({ ...container, name: action.to }));
    case "attach":
      return change(state, action.container, (container) => ({
        ...container,
        attachment: {
          kind: "attached",
          networkId: state.networkId ?? "network",
          staticAddress: "0.0.0.0",
          address: "0.0.0.0",
          aliases: [container.deployment],
        },
      }));
    case "set-resources":
      return change(state, action.container, (container) => ({
        ...container,
        cpus: action.cpus,
        memory: action.memory,
      }));
  }
}

function change(
  state: DeploymentInput,
  id: string,
  to: (container: TrackedContainer) => TrackedContainer | null,
): DeploymentInput {
  const containers = state.containers.flatMap((container) => {
    if (container.id !== id) return [container];
    const changed = to(container);
    return changed === null ? [] : [changed];
  });
  return { ...state, containers };
}

function aliased(container: TrackedContainer, on: boolean): TrackedContainer["attachment"] {
  if (container.attachment.kind !== "attached") return container.attachment;
  return { ...container.attachment, aliases: on ? [container.deployment] : [] };
}

function created(state: DeploymentInput, action: Extract<Action, { kind: "create" }>): TrackedContainer {
  const spec = state.target.kind === "run" ? state.target.revision.spec : null;
  const networkId = state.networkId ?? "network";
  return {
    id: `new:${action.name}`,
    name: action.name,
    deployment: state.name,
    revision: action.revision,
    replica: action.replica,
    commit: "",
    file: "",
    specLabel: "{}",
    imageId: "",
    imageRef: "",
    phase: "created",
    exitCode: 0,
    oomKilled: false,
    error: "",
    createdAt: state.now,
    startedAt: null,
    finishedAt: null,
    restarts: 0,
    restartPolicy: "no",
    cpus: spec?.resources.cpus ?? null,
    memory: spec?.resources.memory ?? null,
    attachment:
      spec?.network === "host"
        ? { kind: "host" }
        : {
            kind: "attached",
            networkId,
            staticAddress: "0.0.0.0",
            address: null,
            aliases: action.alias ? [state.name] : [],
          },
    ports: [],
    since: state.now,
    tried: false,
    readiness: "unknown",
    alive: true,
    busy: null,
    busySince: null,
    retryAt: null,
  };
}
