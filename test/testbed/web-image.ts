/** The image of the ingress tests: Node.js with a web application, and a client of it; nothing is pulled. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadImage } from "./image-archive.ts";
import { programFiles } from "./program-files.ts";

const PROGRAMS = ["web.ts", "caller.ts", "websocket-frames.ts"];

/** Loads it under every tag. `/app/web.ts` runs unless `args: [/app/caller.ts]` says otherwise; see there what they do. */
export async function webImage(socket: string, tags: readonly string[]): Promise<void> {
  const files = [
    ...programFiles(process.execPath, "bin/node"),
    ...PROGRAMS.map((name) => ({
      path: `app/${name}`,
      content: readFileSync(join(import.meta.dirname, "apps", name)),
      mode: 0o644,
    })),
  ];
  const config = { Entrypoint: ["/bin/node", "--disable-warning=ExperimentalWarning"], Cmd: ["/app/web.ts"] };
  for (const tag of tags) await loadImage(socket, { tag, files, config });
}
