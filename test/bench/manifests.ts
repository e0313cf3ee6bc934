/** The manifests that benchmarks push. */
export function webDeployment(name: string, version: string): string {
  return `apiVersion: run.orcra.dev/v0alpha
kind: Deployment
metadata:
  name: ${name}
spec:
  image: demo:1
  imagePullPolicy: IfNotPresent
  stopGracePeriod: 2s
  ports:
    - containerPort: 80
  health:
    readiness:
      http: localhost:80/health
  env:
    VERSION: "${version}"
`;
}

/** So many deployments, as files of a commit. */
export function webDeployments(count: number, version: (name: string) => string): Record<string, string> {
  const names = Array.from({ length: count }, (_, index) => `web-${String(index)}`);
  return Object.fromEntries(
    names.map((name) => [`deployments/${name}.yaml`, webDeployment(name, version(name))]),
  );
}
