import { get } from "node:http";
import { z } from "zod";
import { readSettings } from "../settings.ts";
import { renderStatus, statusShape, type ShownStatus } from "../render-status.ts";

/** `orun status`: a table of what the agent on this host does. Exit code 0 when all is well, 1 when not. */
export async function statusCommand(options: Record<string, unknown>): Promise<number> {
  const { json, watch, ...rest } = options;
  const { statusPort } = readSettings(rest);
  for (;;) {
    const text = await fetchStatus(statusPort);
    const parsed = statusShape.safeParse(JSON.parse(text));
    if (!parsed.success)
      throw new Error(`the agent's answer is not a status: ${z.prettifyError(parsed.error)}`);
    process.stdout.write(json === true ? text : renderStatus(parsed.data));
    if (watch !== true) return isWell(parsed.data) ? 0 : 1;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (process.stdout.isTTY) process.stdout.write("\u001b[H\u001b[J");
  }
}

/** The status API's answer on this host, as text. */
export function fetchStatus(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = get({ host: "127.0.0.1", port, path: "/status", timeout: 5000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error("no answer within 5 s")));
    outgoing.once("error", (cause) =>
      reject(
        new Error(
          `no agent answers on 127.0.0.1:${String(port)} (${cause.message}): is it running ('systemctl status orun'), and is --status-port right?`,
          { cause },
        ),
      ),
    );
  });
}

function isWell(status: ShownStatus): boolean {
  return (
    status.node.sync_error === null &&
    status.node.engine_error === null &&
    Object.values(status.deployments).every((item) => item.state === "running" || item.state === "suspended")
  );
}
