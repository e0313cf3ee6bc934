import type { ContainerBlueprint } from "../agent/ports.ts";

/**
 * The body of ContainerCreate (Docker API) for a blueprint. The restart policy is `no` until the container is proven
 * (SPEC 3). Memory is capped without extra swap, as in Kubernetes. The image's own HEALTHCHECK is left as it is; orun's
 * probes decide.
 */
export function toCreateBody(blueprint: ContainerBlueprint): Record<string, unknown> {
  const { spec, network } = blueprint;
  const portKey = (port: { containerPort: number; protocol: string }): string =>
    `${String(port.containerPort)}/${port.protocol}`;
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of spec.ports) {
    if (port.port === null) continue;
    const list = (bindings[portKey(port)] ??= []);
    list.push({ HostIp: port.hostIP ?? "", HostPort: String(port.port) });
  }
  const mode = (readOnly: boolean): string => (readOnly ? ":ro" : "");
  return {
    Image: blueprint.image,
    Labels: blueprint.labels,
    Env: Object.entries(blueprint.env).map(([key, value]) => `${key}=${value}`),
    ...(spec.command === null ? {} : { Entrypoint: spec.command }),
    ...(spec.args === null ? {} : { Cmd: spec.args }),
    ...(spec.workingDir === null ? {} : { WorkingDir: spec.workingDir }),
    ...(spec.user === null ? {} : { User: spec.user }),
    StopTimeout: Math.ceil(spec.stopGracePeriod / 1000),
    ExposedPorts: Object.fromEntries(spec.ports.map((port) => [portKey(port), {}])),
    HostConfig: {
      // Binds rather than Mounts: a host path that is absent is made, as everybody expects of `docker run -v`.
      Binds: spec.volumes.map(
        (volume) =>
          `${volume.type === "bind" ? volume.hostPath : volume.name}:${volume.containerPath}${mode(volume.readOnly)}`,
      ),
      Tmpfs: Object.fromEntries(
        spec.tmpfs.map((entry) => {
          const colon = entry.indexOf(":");
          return colon === -1 ? [entry, ""] : [entry.slice(0, colon), entry.slice(colon + 1)];
        }),
      ),
      PortBindings: bindings,
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: spec.logging.driver, Config: spec.logging.options },
      NetworkMode: network === null ? "host" : network.id,
      ExtraHosts: spec.extraHosts,
      ReadonlyRootfs: spec.readOnlyRootFilesystem,
      NanoCpus: Math.round((spec.resources.cpus ?? 0) * 1e9),
      Memory: spec.resources.memory ?? 0,
      ...(spec.resources.memory === null ? {} : { MemorySwap: spec.resources.memory }),
      Devices: spec.devices.map((device) => {
        const [host = "", container = host, permissions = "rwm"] = device.split(":");
        return { PathOnHost: host, PathInContainer: container, CgroupPermissions: permissions };
      }),
    },
    ...(network === null
      ? {}
      : {
          NetworkingConfig: { EndpointsConfig: { [network.id]: endpoint(network.address, network.alias) } },
        }),
  };
}

/** EndpointSettings with our static address and, once it may be called by name, the deployment's name. */
export function endpoint(address: string, alias: string | null): Record<string, unknown> {
  return { IPAMConfig: { IPv4Address: address }, Aliases: alias === null ? [] : [alias] };
}
