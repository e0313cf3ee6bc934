/** The ingress's folder on this host: one for all environments of an engine. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import type { IngressSettings, Route } from "../state/route.ts";
import type { Fragment } from "./claims.ts";
import { allFeatures, type Features } from "./config.ts";

const routeShape = z.object({
  service: z.string(),
  environment: z.string(),
  deployment: z.string(),
  host: z.string(),
  ssl: z.boolean(),
  port: z.number(),
});
const settingsShape = z.object({
  image: z.string(),
  httpPort: z.number(),
  httpsPort: z.number(),
  acme: z.object({ email: z.string().nullable(), ca: z.string().nullable(), caRoot: z.string().nullable() }),
});
const fragmentShape = z.object({
  environment: z.string(),
  since: z.number(),
  settings: settingsShape,
  claims: z.array(z.object({ route: routeShape, since: z.number() })),
});
const askedShape = z.object({
  settings: settingsShape,
  routes: z.array(routeShape),
  /** Name of the copy of the authority's root certificate; its content is in the name. */
  caRootFile: z.string().nullable(),
  httpBlocked: z.string().nullable(),
  httpsBlocked: z.string().nullable(),
  /** The container that was asked: another image may think otherwise. */
  container: z.string(),
});
const memoryShape = z.object({
  asked: askedShape.nullable(),
  accepted: z
    .object({
      settings: settingsShape,
      routes: z.array(routeShape),
      caRootFile: z.string().nullable(),
    })
    .nullable(),
  features: z.object({ streamCloseDelay: z.boolean(), fullDuplex: z.boolean() }),
  rejected: z.array(z.object({ route: routeShape, message: z.string() })),
  /** Why the settings that were asked for are not the ones in force; null: they are. */
  settingsError: z.string().nullable(),
});

/** What was last asked of Caddy, whoever's agent asked. */
export interface Asked {
  settings: IngressSettings;
  routes: readonly Route[];
  caRootFile: string | null;
  /** Why HTTP or HTTPS cannot be had as asked (a port is taken); null: they can, or are not needed. */
  httpBlocked: string | null;
  httpsBlocked: string | null;
  container: string;
}

/** What is remembered of the engine's ingress: losing it costs a load, nothing else. */
export interface IngressMemory {
  asked: Asked | null;
  /** The last good configuration, in words of orun. */
  accepted: { settings: IngressSettings; routes: readonly Route[]; caRootFile: string | null } | null;
  features: Features;
  rejected: readonly { route: Route; message: string }[];
  settingsError: string | null;
}

export interface Store {
  folder: string;
  /** Folders to mount into the container. */
  paths: { admin: string; upstreams: string; config: string; data: string };
  lockPath: string;
  socketPath: string;
  /** false: somebody has deleted it. */
  present(): boolean;
  fragments(): readonly Fragment[];
  writeFragment(fragment: Fragment): void;
  memory(): IngressMemory;
  writeMemory(memory: IngressMemory): void;
  /** What Caddy starts from. */
  writeBoot(text: string): void;
  /** Puts a file into the configuration's folder; the same content is left alone. */
  writeConfigFile(name: string, content: string): void;
}

/** Opens the folder, and makes what is missing in it; nobody but root may look into it. */
export function openStore(folder: string): Store {
  const paths = {
    admin: join(folder, "admin"),
    upstreams: join(folder, "upstreams"),
    config: join(folder, "config"),
    data: join(folder, "data"),
  };
  const fragmentFolder = join(folder, "fragments");
  for (const path of [folder, ...Object.values(paths), fragmentFolder]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if ((statSync(path).mode & 0o777) !== 0o700) chmodSync(path, 0o700);
  }
  const memoryPath = join(folder, "ingress.json");
  return {
    folder,
    paths,
    lockPath: join(folder, "lock"),
    socketPath: join(paths.admin, "admin.sock"),
    present: () => existsSync(folder),
    fragments: () =>
      namesIn(fragmentFolder)
        .filter((name) => name.endsWith(".json"))
        .sort()
        .flatMap((name) => {
          const parsed = fragmentShape.safeParse(readJson(join(fragmentFolder, name)));
          return parsed.success ? [parsed.data] : [];
        }),
    writeFragment: (fragment) =>
      writeFileAtomic.sync(
        join(fragmentFolder, `${fragment.environment}.json`),
        JSON.stringify(fragment, null, 2),
        { mode: 0o600 },
      ),
    memory() {
      const parsed = memoryShape.safeParse(readJson(memoryPath));
      if (parsed.success) return parsed.data;
      return {
        asked: null,
        accepted: null,
        features: allFeatures,
        rejected: [],
        settingsError: null,
      };
    },
    writeMemory: (memory) =>
      writeFileAtomic.sync(memoryPath, JSON.stringify(memory, null, 2), { mode: 0o600 }),
    writeBoot: (text) => writeUnlessSame(join(paths.config, "caddy.json"), text),
    writeConfigFile: (name, content) => writeUnlessSame(join(paths.config, name), content),
  };
}

function writeUnlessSame(path: string, content: string): void {
  try {
    if (readFileSync(path, "utf8") === content) return;
  } catch {
    // It is not there yet.
  }
  writeFileAtomic.sync(path, content, { mode: 0o600 });
}

/** What cannot be read or is no JSON is as good as absent: the files are written whole. */
function readJson(path: string): unknown {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, "utf8"));
    return parsed;
  } catch {
    return null;
  }
}

/** None in a folder that somebody has deleted: another agent's data folder may be the ingress's place, and may go. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
