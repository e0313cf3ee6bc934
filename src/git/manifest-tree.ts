/** Which files of a commit are manifests (SPEC 2), from `git ls-tree` alone: nothing is checked out, no link is followed. */
import type { Revision } from "../agent/source-port.ts";
import { damaged } from "./git-objects.ts";

export const manifestFolders = ["nodes", "deployments", "services"] as const;

export const readLimits = {
  /** Manifest files of one commit. */
  files: 20_000,
  /** Bytes of one file. */
  fileBytes: 1024 * 1024,
  /** Bytes of all files of one commit. */
  totalBytes: 32 * 1024 * 1024,
  /** Problems that are listed one by one. */
  problems: 200,
} as const;

interface ManifestEntry {
  path: string;
  blob: string;
  /** Bytes. */
  size: number;
}

/** What to read of a commit, in the order of the paths, and what cannot be. */
export interface ManifestTree {
  entries: ManifestEntry[];
  problems: Revision["problems"];
}

/**
 * Sorts out the output of `git ls-tree -r -l -z`.
 * @throws {SourceError} `damaged` when an object that the tree names is absent.
 */
export function parseManifestTree(output: Buffer, cloneDir: string): ManifestTree {
  const tree: ManifestTree = { entries: [], problems: [] };
  let hidden = 0;
  let bytes = 0;
  const problem = (path: string, message: string): void => {
    if (tree.problems.length < readLimits.problems) tree.problems.push({ path, message });
    else hidden += 1;
  };
  for (const record of records(output)) {
    const entry = parseEntry(record);
    if (!isFolderItself(entry) && !/\.ya?ml$/.test(entry.path)) continue;
    const fault = faultOf(entry);
    if (fault !== null) {
      problem(entry.path, fault);
      continue;
    }
    if (entry.size === null) throw damaged(cloneDir, `object ${entry.blob} is missing`);
    if (entry.size > readLimits.fileBytes) {
      problem(
        entry.path,
        `it has ${entry.size} bytes, and a manifest may have ${readLimits.fileBytes}; it is not read`,
      );
    } else if (tree.entries.length >= readLimits.files) {
      problem(entry.path, `the commit has more than ${readLimits.files} manifests; this one is not read`);
    } else if (bytes + entry.size > readLimits.totalBytes) {
      problem(
        entry.path,
        `the manifests of the commit exceed ${readLimits.totalBytes} bytes; this one is not read`,
      );
    } else {
      bytes += entry.size;
      tree.entries.push({ path: entry.path, blob: entry.blob, size: entry.size });
    }
  }
  if (hidden > 0) tree.problems.push({ path: "", message: `${hidden} more files have such problems` });
  return tree;
}

interface TreeEntry {
  mode: string;
  blob: string;
  size: number | null;
  /** Not UTF-8 or not printable: escaped. */
  path: string;
  readable: boolean;
}

/** Something else under the name of one of the three folders: what should be in there is not. */
function isFolderItself(entry: TreeEntry): boolean {
  return manifestFolders.some((folder) => folder === entry.path);
}

function faultOf(entry: TreeEntry): string | null {
  if (entry.mode === "120000")
    return "it is a symbolic link, and links are not followed; put the file itself here";
  if (entry.mode === "160000")
    return "it is a submodule, and submodules are not followed; put the files themselves here";
  if (isFolderItself(entry)) return "it is a file, and a folder is expected";
  if (!entry.readable) return "its name is not UTF-8 or has control characters; rename it";
  return null;
}

function* records(output: Buffer): Generator<Buffer> {
  let at = 0;
  while (at < output.length) {
    const end = output.indexOf(0, at);
    if (end === -1) return;
    yield output.subarray(at, end);
    at = end + 1;
  }
}

/** `<mode> SP <type> SP <id> SP <padding><size or -> TAB <path>` (git-ls-tree(1)). */
function parseEntry(record: Buffer): TreeEntry {
  const tab = record.indexOf(0x09);
  const [mode = "", , blob = "", size = ""] = record.toString("latin1", 0, tab).split(/ +/);
  const name = record.subarray(tab + 1);
  const path = name.toString("utf8");
  const readable = Buffer.from(path).equals(name) && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(path);
  const shown = readable
    ? path
    : JSON.stringify(path.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\uFFFD")).slice(1, -1);
  return { mode, blob, size: /^[0-9]+$/.test(size) ? Number(size) : null, path: shown, readable };
}
