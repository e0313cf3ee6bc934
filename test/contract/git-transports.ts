/** The ways to reach a repository, each with a real server, for the one suite that runs over all of them. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Source, SourceSettings } from "../../src/agent/source-port.ts";
import { SourceError, type SourceErrorKind } from "../../src/git/errors.ts";
import { openSource, type SourceOptions } from "../../src/git/source.ts";
import { startGitHttp } from "../testbed/git-http.ts";
import { createGitRemote, type GitRemote } from "../testbed/git-remote.ts";
import { startGitSsh } from "../testbed/git-ssh.ts";

/** A server, running, as far as every transport can be treated alike. */
export interface Server {
  settings: Pick<SourceSettings, "url" | "deployKey" | "knownHosts">;
  /** Nobody answers any more. */
  goDark(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

export interface Transport {
  name: string;
  /** The kind of the failure when the server is dark. */
  darkKind: SourceErrorKind;
  start(repository: string): Promise<Server>;
}

const noKeys = { deployKey: null, knownHosts: null };

async function localServer(repository: string): Promise<Server> {
  const away = `${repository}.away`;
  return await Promise.resolve({
    settings: { url: repository, ...noKeys },
    goDark: () => rename(repository, away),
    comeBack: () => rename(away, repository),
    stop: () => Promise.resolve(),
  });
}

async function httpServer(repository: string, protocolV2: boolean): Promise<Server> {
  let server = await startGitHttp({ repository, protocolV2 });
  const { url, port } = server;
  return {
    settings: { url, ...noKeys },
    goDark: () => server.stop(),
    async comeBack() {
      server = await startGitHttp({ repository, protocolV2, port });
    },
    stop: () => server.stop(),
  };
}

async function sshServer(repository: string, protocolV2: boolean): Promise<Server> {
  const server = await startGitSsh({ repository, protocolV2 });
  const { url, deployKey, knownHosts } = server;
  return {
    settings: { url, deployKey, knownHosts },
    goDark: () => server.halt(),
    comeBack: () => server.restart(),
    stop: () => server.stop(),
  };
}

export const transports: readonly Transport[] = [
  { name: "local path", darkKind: "not-found", start: localServer },
  { name: "http, protocol 2", darkKind: "unreachable", start: (path) => httpServer(path, true) },
  { name: "http, protocol 0", darkKind: "unreachable", start: (path) => httpServer(path, false) },
  { name: "ssh, protocol 2", darkKind: "unreachable", start: (path) => sshServer(path, true) },
  { name: "ssh, protocol 0", darkKind: "unreachable", start: (path) => sshServer(path, false) },
];

/** A folder that goes away with the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "orun-git-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A repository that goes away with the test. */
export async function temporaryRemote(
  t: TestContext,
  options: { objectFormat?: "sha1" | "sha256" } = {},
): Promise<GitRemote> {
  const remote = await createGitRemote(options);
  t.after(() => remote.remove());
  return remote;
}

export type Opener = (change?: Partial<SourceSettings>, options?: SourceOptions) => Promise<Source>;

/** Opens sources on one clone folder, and closes them with the test. */
export async function opener(
  t: TestContext,
  settings: Partial<SourceSettings> & { url: string },
): Promise<Opener & { cloneDir: string }> {
  const cloneDir = join(await temporaryFolder(t), "clone");
  const defaults = { branch: "main", cloneDir, ...noKeys, allowInsecure: false, timeoutMs: 20_000 };
  const open: Opener = async (change = {}, options = {}) => {
    const source = await openSource({ ...defaults, ...settings, ...change }, options);
    t.after(() => source.close());
    return source;
  };
  return Object.assign(open, { cloneDir });
}

/** A signal that never aborts. */
export function forever(): AbortSignal {
  return new AbortController().signal;
}

/** What a failure looked like, for assertions: its kind, or the error itself when it is no SourceError. */
export async function failureOf(work: Promise<unknown>): Promise<SourceError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
  throw new Error("it was expected to fail, and did not");
}

/** Poll, fetch, read: what the agent does for a new commit. Returns the contents by path. */
export async function follow(source: Source): Promise<Record<string, string>> {
  const head = await source.head(forever());
  assert.ok(head.kind === "head", "the branch exists");
  await source.fetch(head.commit, forever());
  const revision = await source.read(head.commit, forever());
  assert.equal(revision.commit.id, head.commit);
  return Object.fromEntries(revision.files.map((file) => [file.path, file.content]));
}

/** The git and ssh processes of this process; the test servers are not among them. */
export async function ownChildren(): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      const stat = await readFile(`/proc/${name}/stat`, "latin1");
      const [, command = "", , parent] = /^\d+ \((.*)\) (\S) (\d+)/.exec(stat) ?? [];
      if (Number(parent) === process.pid && /^(?:git|ssh|setpriv)$/.test(command))
        found.push(stat.slice(0, 40));
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}
