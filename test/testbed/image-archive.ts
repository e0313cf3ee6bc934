/** Images of one layer, made here and loaded into an engine: nothing is pulled. */
import { createHash } from "node:crypto";
import { mustApi } from "./engine-api.ts";
import { tar, type TarFile } from "./tar.ts";

export interface LocalImage {
  /** Reference to load it under: `demo:1`. */
  tag: string;
  files: readonly TarFile[];
  /** The image's configuration as the engine spells it: `Env`, `Entrypoint`, `Labels`. */
  config: Record<string, unknown>;
}

/** Loads the image into the engine and returns its id (sha256:…). The same image always has the same id. */
export async function loadImage(socket: string, image: LocalImage): Promise<string> {
  const layer = tar(image.files);
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      created: "1970-01-01T00:00:00Z",
      config: image.config,
      rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
      history: [{ created: "1970-01-01T00:00:00Z", created_by: "orun test bed" }],
    }),
  );
  const id = sha256(config);
  const manifest = [{ Config: `${id}.json`, RepoTags: [image.tag], Layers: ["layer.tar"] }];
  const archive = tar([
    { path: "layer.tar", content: layer, mode: 0o644 },
    { path: `${id}.json`, content: config, mode: 0o644 },
    { path: "manifest.json", content: Buffer.from(JSON.stringify(manifest)), mode: 0o644 },
  ]);
  const answer = await mustApi(socket, "POST", "/images/load?quiet=1", archive, "application/x-tar");
  if (answer.includes('"error"')) throw new Error(`the engine did not load ${image.tag}: ${answer}`);
  return `sha256:${id}`;
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
