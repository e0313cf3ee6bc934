/** Manifests of the test bed's own image, as people would write them. */

/** A Deployment document; `spec` in YAML, as deep as it is. */
export function deployment(name: string, spec: string): string {
  const lines = spec
    .replace(/^\n+|\s+$/g, "")
    .split("\n")
    .map((line) => `  ${line}\n`)
    .join("");
  return `apiVersion: run.orcra.dev/v0alpha\nkind: Deployment\nmetadata: {name: ${name}}\nspec:\n${lines}`;
}

export interface WebOptions {
  /** Default: demo:1 */
  image?: string;
  /** More variables of the image's script (test/testbed/images.ts). */
  env?: Record<string, string>;
  /** More fields of the spec, in YAML. */
  more?: string;
  /** How long it may take to become ready; default 10s. */
  deadline?: string;
}

/** A web server that answers "version …" and has a readiness probe; it ends within a second when it is told to. */
export function web(name: string, version: string, options: WebOptions = {}): string {
  const env = Object.entries({ VERSION: version, ...options.env })
    .map(([key, value]) => `\n  ${key}: ${JSON.stringify(value)}`)
    .join("");
  return deployment(
    name,
    `image: ${options.image ?? "demo:1"}
imagePullPolicy: IfNotPresent
stopGracePeriod: 1s
progressDeadline: ${options.deadline ?? "10s"}
health: {readiness: {http: "localhost:80/health", timeout: 5s}}
env:${env}
${options.more ?? "ports: [{containerPort: 80}]"}`,
  );
}

/** The same on a host port: `Recreate` by derivation. */
export function ported(name: string, version: string, port: number, options: WebOptions = {}): string {
  const more = `ports: [{containerPort: 80, port: ${String(port)}}]`;
  return web(name, version, {
    ...options,
    more: options.more === undefined ? more : `${more}\n${options.more}`,
  });
}
