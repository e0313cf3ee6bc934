import { readSettings } from "../settings.ts";
import { localView } from "../status/local.ts";
import { showOnce, watch } from "../status/watch.ts";

/** `orun status`: a table of what the agent on this host does. Exit code 0 when all is well, 1 when not. */
export async function statusCommand(options: Record<string, unknown>): Promise<number> {
  const { json, watch: again, ...rest } = options;
  const { statusPort } = readSettings(rest);
  const view = localView(statusPort);
  return await (again === true ? watch(view, json === true) : showOnce(view, json === true));
}
