/** A bare repository in a temporary folder, written by plumbing: what people push to. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Text or bytes of a file; a link; a submodule (the commit it names); null removes the path. */
export type Entry = string | Buffer | { symlink: string } | { submodule: string } | null;

export interface CommitOptions {
  /** Default: main. */
  branch?: string;
  /** Default: the branch's head, if any. null: no parent, an unrelated history; another commit than the head: a force-push. */
  parent?: string | null;
  /** Start from an empty tree instead of the parent's. */
  emptyTree?: boolean;
  author?: string;
}

export interface GitRemote {
  /** The bare repository's folder: also its URL as a local path. */
  path: string;
  /** Commits the changed files and moves the branch there, as a push does. Returns the id. */
  commit(files: Record<string, Entry>, message: string, options?: CommitOptions): Promise<string>;
  /** Moves or makes a branch: a force-push, or a revert of the branch to an older commit. */
  forcePush(commit: string, branch?: string): Promise<void>;
  deleteBranch(branch: string): Promise<void>;
  /** null when there is no such branch. */
  head(branch?: string): Promise<string | null>;
  /** Any Git command on the repository; returns its trimmed output. */
  git(args: string[], input?: Buffer | string): Promise<string>;
  remove(): Promise<void>;
}

/** Makes an empty repository. */
export async function createGitRemote(
  options: { objectFormat?: "sha1" | "sha256" } = {},
): Promise<GitRemote> {
  const folder = await mkdtemp(join(tmpdir(), "orun-remote-"));
  const path = join(folder, "infra.git");
  const git = (args: string[], input?: Buffer | string): Promise<string> => runGit(path, args, input);
  const format = `--object-format=${options.objectFormat ?? "sha1"}`;
  await git(["init", "--quiet", "--bare", "--initial-branch=main", format, path]);
  const head = async (branch = "main"): Promise<string | null> => {
    const out = await git(["for-each-ref", "--format=%(objectname)", `refs/heads/${branch}`]);
    return out === "" ? null : out;
  };
  return {
    path,
    git,
    head,
    async commit(files, message, choice = {}) {
      const branch = choice.branch ?? "main";
      const parent = choice.parent === undefined ? await head(branch) : choice.parent;
      await git(["fast-import", "--quiet", "--force"], fastImport(files, message, branch, parent, choice));
      const id = await head(branch);
      if (id === null) throw new Error(`git fast-import made no branch ${branch}`);
      return id;
    },
    async forcePush(commit, branch = "main") {
      await git(["update-ref", `refs/heads/${branch}`, commit]);
    },
    async deleteBranch(branch) {
      await git(["update-ref", "-d", `refs/heads/${branch}`]);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The stream for git-fast-import(1). */
function fastImport(
  files: Record<string, Entry>,
  message: string,
  branch: string,
  parent: string | null,
  options: CommitOptions,
): Buffer {
  const who = `${options.author ?? "Ada Lovelace"} <ada@example.com> ${Math.floor(Date.now() / 1000)} +0000`;
  const parts: (string | Buffer)[] = [];
  const data = (content: string | Buffer): void => {
    const bytes = Buffer.from(content);
    parts.push(`data ${bytes.length}\n`, bytes, "\n");
  };
  if (parent === null) parts.push(`reset refs/heads/${branch}\n`);
  parts.push(`commit refs/heads/${branch}\nauthor ${who}\ncommitter ${who}\n`);
  data(message);
  if (parent !== null) parts.push(`from ${parent}\n`);
  if (options.emptyTree === true) parts.push("deleteall\n");
  for (const [path, entry] of Object.entries(files)) {
    const quoted = `"${path.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n")}"`;
    if (entry === null) parts.push(`D ${quoted}\n`);
    else if (typeof entry === "string" || Buffer.isBuffer(entry)) {
      parts.push(`M 100644 inline ${quoted}\n`);
      data(entry);
    } else if ("symlink" in entry) {
      parts.push(`M 120000 inline ${quoted}\n`);
      data(entry.symlink);
    } else parts.push(`M 160000 ${entry.submodule} ${quoted}\n`);
  }
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

async function runGit(gitDir: string, args: string[], input?: Buffer | string): Promise<string> {
  const env = {
    PATH: process.env["PATH"] ?? "",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_AUTHOR_NAME: "Ada Lovelace",
    GIT_AUTHOR_EMAIL: "ada@example.com",
    GIT_COMMITTER_NAME: "Ada Lovelace",
    GIT_COMMITTER_EMAIL: "ada@example.com",
  };
  const child = spawn("git", [`--git-dir=${gitDir}`, ...args], { env, stdio: ["pipe", "pipe", "pipe"] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input ?? "");
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code === 0) return Buffer.concat(stdout).toString("utf8").trim();
  throw new Error(`git ${args.join(" ")} failed: ${Buffer.concat(stderr).toString("utf8")}`);
}
