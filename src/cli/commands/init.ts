import { lstatSync } from "node:fs";
import { resolve } from "node:path";
import { renderText } from "../../manifest/diagnostic.ts";
import { parseManifests } from "../../manifest/parse.ts";
import { checkReferences } from "../../manifest/references.ts";
import { CI_HOSTS, type CiHost } from "../init/ci-files.ts";
import { originUrl } from "../init/origin-url.ts";
import { type StarterFile, starterFiles } from "../init/starter.ts";
import { isCheckout, occupied, writeNew } from "../init/write-new.ts";
import { readWorkingTree } from "../working-tree.ts";

/** Addresses kept for documentation (RFC 5737, RFC 2606): nothing answers there. */
const PLACEHOLDER = {
  host: "192.0.2.10",
  gitRepo: "git@git.example.com:acme/infra.git",
  domain: "hello.example.com",
} as const;

/** `orun init [FOLDER]`: a new manifest repository. Answers the exit code. Throws, and writes nothing, where one already is. */
export async function init(folder: string, options: Record<string, unknown>): Promise<number> {
  const text = (name: string): string | null => {
    const value = options[name];
    return typeof value === "string" ? value : null;
  };
  if (lstatSync(folder, { throwIfNoEntry: false })?.isFile() === true)
    throw new Error(`${resolve(folder)} is a file: choose a folder, which is made when it does not exist`);
  const values = {
    node: text("node") ?? "web-01",
    host: text("host") ?? PLACEHOLDER.host,
    gitRepo: text("repo") ?? (await originUrl(folder)) ?? PLACEHOLDER.gitRepo,
    domain: text("domain") ?? PLACEHOLDER.domain,
    ci: ciHost(text("ci") ?? "github"),
  };
  const files = starterFiles(values);
  refuseMistakes(files);
  const there = [
    ...occupied(
      folder,
      files.map(({ path }) => path),
    ),
    ...readWorkingTree(folder).map(({ path }) => path),
  ];
  if (there.length > 0)
    throw new Error(
      `${resolve(folder)} already has ${[...new Set(there)].slice(0, 5).join(", ")}: nothing was written. Choose an empty folder: orun init FOLDER`,
    );
  writeNew(folder, files);
  process.stdout.write(report(folder, files, values));
  return 0;
}

function ciHost(text: string): CiHost {
  const host = CI_HOSTS.find((known) => known === text);
  if (host === undefined) throw new Error(`--ci: expected ${CI_HOSTS.join(", ")}, not '${text}'`);
  return host;
}

/** The values of the flags are checked where every manifest is: as part of the files that would be written. */
function refuseMistakes(files: readonly StarterFile[]): void {
  const parsed = parseManifests(
    files
      .filter(({ path }) => /^(nodes|deployments|services)\//.test(path))
      .map(({ path, text }) => ({ path, blob: path, content: text })),
  );
  const problems = [...parsed.diagnostics, ...checkReferences(parsed).diagnostics];
  if (problems.length > 0)
    throw new Error(
      `--node, --host, --repo or --domain does not fit into a manifest; nothing was written:\n${problems.map(renderText).join("\n")}`,
    );
}

function report(
  folder: string,
  files: readonly StarterFile[],
  values: { node: string; host: string; gitRepo: string; domain: string },
): string {
  const width = Math.max(...files.map(({ path }) => path.length));
  const node = `nodes/${values.node}.yaml`;
  const steps: string[] = [];
  if (values.host === PLACEHOLDER.host) steps.push(`set 'host' in ${node} to your server`);
  if (values.gitRepo === PLACEHOLDER.gitRepo) steps.push(`set 'gitRepo' in ${node} to this repository`);
  steps.push(
    values.domain === PLACEHOLDER.domain
      ? "set the domain in services/hello.yaml, and point its DNS record at the server"
      : `point the DNS record of ${values.domain} at the server`,
  );
  if (folder !== ".") steps.push(`cd ${folder}`);
  steps.push(
    "orun validate",
    `${isCheckout(folder) ? "" : "git init -b main && "}git add -A && git commit -m 'First manifests', and push it`,
    `orun bootstrap ${node}`,
  );
  return [
    `Wrote a manifest repository in ${resolve(folder)}:`,
    ...files.map(({ path, purpose }) => `  ${path.padEnd(width)}  ${purpose}`),
    "",
    "What to do next:",
    ...steps.map((step, index) => `  ${String(index + 1)}. ${step}`),
    "",
  ].join("\n");
}
