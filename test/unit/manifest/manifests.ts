import { parseManifests, type ManifestFile, type ParsedManifests } from "../../../src/manifest/parse.ts";
import type { DeploymentSpec } from "../../../src/manifest/deployment.ts";

/** A file as a commit has it. */
export function file(path: string, content: string): ManifestFile {
  return { path, blob: content, content };
}

/** A whole document with this spec (indented by two spaces). */
export function manifest(kind: string, name: string, spec: string): string {
  return `apiVersion: run.orcra.dev/v0alpha\nkind: ${kind}\nmetadata:\n  name: ${name}\nspec:\n${spec}\n`;
}

export function deployment(name: string, more = ""): ManifestFile {
  return file(`deployments/${name}.yaml`, manifest("Deployment", name, `  image: app:1${more}`));
}

export function messages(parsed: ParsedManifests): string[] {
  return parsed.diagnostics.map((item) => item.message);
}

/** The spec of the only deployment, which has to be valid. */
export function specOf(more: string): DeploymentSpec {
  const parsed = parseManifests([deployment("app", more)]);
  const [found] = parsed.resources;
  if (found?.kind !== "Deployment") throw new Error(messages(parsed).join("\n"));
  return found.spec;
}
