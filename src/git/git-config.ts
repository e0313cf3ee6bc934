/** The only configuration that our Git reads, besides the clone's own. */
import type { Remote } from "./url.ts";

/**
 * Text of a gitconfig file. Server-side processes of a local path read it too: their environment drops GIT_CONFIG_COUNT, and
 * safe.directory counts only in a file like this one.
 */
export function gitConfig(remote: Remote): string {
  const safe = remote.kind === "local" ? [remote.url, `${remote.url}/.git`] : [];
  const sections: [string, [string, string][]][] = [
    ["safe", safe.map((path): [string, string] => ["directory", path])],
    // Nothing in a repository may name a program to run.
    ["core", [...noPrograms, ...memoryLimits]],
    ["init", [["defaultBranch", "main"]]],
    // Everything that arrives is checked, but for faults of old tools that harm nobody and that real histories contain.
    [
      "transfer",
      [
        ["fsckObjects", "true"],
        ["bundleURI", "false"],
      ],
    ],
    [
      "fetch",
      [
        ["fsckObjects", "true"],
        ["unpackLimit", "1"],
        ["recurseSubmodules", "false"],
        ["writeCommitGraph", "false"],
      ],
    ],
    ['fetch "fsck"', harmlessFaults.map((name): [string, string] => [name, "ignore"])],
    ["submodule", [["recurse", "false"]]],
    ["protocol", [["version", "2"]]],
    // Clean-up is started by us, at a known time, and never in the background.
    [
      "gc",
      [
        ["auto", "0"],
        ["autoDetach", "false"],
      ],
    ],
    ["maintenance", [["auto", "false"]]],
    [
      "pack",
      [
        ["threads", "1"],
        ["windowMemory", "64m"],
        ["deltaCacheSize", "32m"],
      ],
    ],
    [
      "http",
      [
        ["lowSpeedLimit", "1000"],
        ["lowSpeedTime", "60"],
        ["followRedirects", redirects(remote)],
      ],
    ],
    ["i18n", [["logOutputEncoding", "UTF-8"]]],
    ["advice", [["detachedHead", "false"]]],
  ];
  return sections
    .filter(([, entries]) => entries.length > 0)
    .map(
      ([name, entries]) =>
        `[${name}]\n${entries.map(([key, value]) => `\t${key} = ${quote(value)}\n`).join("")}`,
    )
    .join("");
}

const noPrograms: [string, string][] = [
  ["hooksPath", "/dev/null"],
  ["fsmonitor", "false"],
  ["attributesFile", "/dev/null"],
  ["excludesFile", "/dev/null"],
  ["askPass", ""],
  ["pager", "cat"],
];

/** Larger blobs are streamed instead of held in memory, so that a huge file costs disk only. */
const memoryLimits: [string, string][] = [
  ["bigFileThreshold", "1m"],
  ["packedGitLimit", "128m"],
  ["packedGitWindowSize", "8m"],
  ["deltaBaseCacheLimit", "16m"],
];

const harmlessFaults = ["zeroPaddedFilemode", "badTimezone", "missingSpaceBeforeDate"];

/** Our Authorization header would follow a redirect to whatever host it names. */
function redirects(remote: Remote): string {
  return remote.kind === "http" && remote.credentials !== null ? "false" : "initial";
}

function quote(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}
