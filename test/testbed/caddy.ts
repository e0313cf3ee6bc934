/** Images of real Caddys for the test bed's engines, laid out like the official one; fetched by tools/prepare.mjs. */
import { existsSync } from "node:fs";
import { caddyProgram } from "../../tools/caddy.mjs";
import { loadImage } from "./image-archive.ts";
import { programFiles } from "./program-files.ts";

/** 2.6 is what Debian's stable releases have; 2.11 is what orun's users get. */
export type CaddyVersion = "2.6" | "2.11";

/** Loads an image `tag` of Caddy into the engine and returns its id (sha256:…). */
export async function caddyImage(socket: string, tag: string, version: CaddyVersion): Promise<string> {
  const program = caddyProgram(version);
  if (!existsSync(program))
    throw new Error(`no Caddy ${version} at ${program}: run 'node tools/prepare.mjs --for-tests'`);
  const config = {
    Env: [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "XDG_CONFIG_HOME=/config",
      "XDG_DATA_HOME=/data",
    ],
    Cmd: ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"],
    WorkingDir: "/srv",
  };
  return await loadImage(socket, { tag, files: programFiles(program, "usr/bin/caddy"), config });
}
