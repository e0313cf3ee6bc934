import type { Action } from "./action.ts";

/** An action as a sentence without its end: "start hello-1a2b3c4d-1 (new)". */
export function describe(action: Action): string {
  return `${describeDeed(action)} (${action.reason})`;
}

/** What an action does, without why: "start hello-1a2b3c4d-1". */
export function describeDeed(action: Action): string {
  switch (action.kind) {
    case "pull":
      return `pull ${action.image}`;
    case "ensure-network":
      return "create the environment's network";
    case "create":
      return `create ${action.name}`;
    case "await-ready":
      return `wait until ${action.name} is ready`;
    case "promote":
      return `promote ${action.name}`;
    case "fail":
      return `give up ${action.name}`;
    case "rename":
      return `rename ${action.name} to ${action.to}`;
    case "set-resources":
      return `set the limits of ${action.name}`;
    case "route":
      return action.names.length === 0 ? "route no requests" : `route requests to ${action.names.join(", ")}`;
    case "start":
    case "retire":
    case "stop":
    case "remove":
    case "resume":
    case "attach":
    case "restart":
      return `${action.kind} ${action.name}`;
  }
}
