import { z } from "zod";
import { absolutePath, dnsName, duration, portNumber, stringMap } from "./fields.ts";
import { parseImage } from "./image.ts";
import { parseCpus, parseSize } from "./quantity.ts";
import { hasControl } from "./text.ts";

const HTTP_PROBE = /^localhost(?::(\d{1,5}))?(\/[!-~]*)?$/;

const probe = z
  .strictObject({
    http: z
      .string()
      .regex(
        HTTP_PROBE,
        "expected localhost:PORT/PATH, where localhost is the container, such as localhost:80/health",
      )
      .describe("`localhost:PORT/PATH`, asked with GET; 200 to 399 succeeds")
      .optional(),
    tcp: portNumber.describe("a port that accepts a connection").optional(),
    exec: z
      .array(z.string())
      .min(1, "expected a command")
      .describe("a command in the container that exits with 0")
      .optional(),
    interval: duration(100)
      .default(5000)
      .describe("between two probes (default `5s`; `1s` until first ready)"),
    timeout: duration(100).default(2000).describe("for one probe (default `2s`)"),
    failureThreshold: z.number().int().min(1).default(3).describe("failures in a row that count (default 3)"),
    initialDelay: duration().default(0).describe("before the first probe (default `0s`)"),
  })
  .transform(({ http, tcp, exec, ...timing }, context) => {
    if ([http, tcp, exec].filter((kind) => kind !== undefined).length !== 1) {
      context.addIssue({ code: "custom", message: "expected exactly one of http, tcp and exec" });
      return z.NEVER;
    }
    if (http !== undefined) {
      const match = HTTP_PROBE.exec(http);
      return { type: "http" as const, port: Number(match?.[1] ?? 80), path: match?.[2] ?? "/", ...timing };
    }
    if (tcp !== undefined) return { type: "tcp" as const, port: tcp, ...timing };
    return { type: "exec" as const, command: exec ?? [], ...timing };
  });

const port = z
  .strictObject({
    containerPort: portNumber.describe("the port inside the container"),
    port: portNumber.describe("the port on the host; without it the port is not published").optional(),
    protocol: z.enum(["tcp", "udp"]).default("tcp").describe("`tcp` (default) or `udp`"),
    hostIP: z
      .union([z.ipv4(), z.ipv6()], "expected an IP address")
      .describe("the host's address to listen on (default all)")
      .optional(),
  })
  .transform((value) => ({
    containerPort: value.containerPort,
    port: value.port ?? null,
    protocol: value.protocol,
    hostIP: value.hostIP ?? null,
  }));

const volume = z
  .strictObject({
    hostPath: absolutePath.describe("a folder or file of the host").optional(),
    name: z
      .string()
      .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/, "expected a volume name")
      .describe("a named Docker volume instead of `hostPath`")
      .optional(),
    containerPath: absolutePath.describe("where the container sees it"),
    readOnly: z.boolean().default(false).describe("(default `false`)"),
  })
  .transform(({ hostPath, name, ...rest }, context) => {
    if (hostPath !== undefined && name === undefined) return { type: "bind" as const, hostPath, ...rest };
    if (name !== undefined && hostPath === undefined) return { type: "volume" as const, name, ...rest };
    context.addIssue({ code: "custom", message: "expected exactly one of hostPath and name" });
    return z.NEVER;
  });

const logging = z
  .strictObject({
    maxSize: z
      .string()
      .regex(/^\d+[kmg]?$/, "expected a size such as 10m")
      .describe("size of one file (default `10m`)")
      .optional(),
    maxFiles: z.number().int().min(1).describe("how many files are kept (default 3)").optional(),
    driver: z.string().describe("another log driver of the engine").optional(),
    options: stringMap.describe("that driver's options").optional(),
  })
  .transform((value) =>
    value.driver !== undefined && value.driver !== "json-file"
      ? { driver: value.driver, options: value.options ?? {} }
      : {
          driver: "json-file",
          options: {
            ...value.options,
            "max-file": String(value.maxFiles ?? 3),
            "max-size": value.maxSize ?? "10m",
          },
        },
  );

const quantity = (parse: (text: string) => number | null, expected: string) =>
  z.union([z.string(), z.number()], `expected ${expected}`).transform((value, context) => {
    const parsed = parse(String(value));
    if (parsed !== null) return parsed;
    context.addIssue({ code: "custom", message: `expected ${expected}` });
    return z.NEVER;
  });

/** The Deployment of SPEC 2, as it is written. */
export const deploymentFields = z.strictObject({
  image: z
    .string()
    .refine((text) => parseImage(text) !== null, "expected an image reference such as nginx:1.27")
    .describe("image reference; exactly one of `image` and `build`")
    .optional(),
  build: z
    .strictObject({
      context: z
        .string()
        .refine(
          (path) => !path.startsWith("/") && !path.split("/").includes(".."),
          "expected a folder below codeDir, without '..'",
        )
        .describe("folder relative to the node's `codeDir`"),
      dockerfile: z.string().default("Dockerfile").describe("relative to the context (default `Dockerfile`)"),
      args: stringMap.default({}).describe("build arguments"),
      buildMode: z
        .enum(["build-once", "build-on-change", "build-always"])
        .default("build-once")
        .describe("when to build again (default `build-once`)"),
    })
    .describe("build the image on the node")
    .optional(),
  ports: z.array(port).default([]).describe("ports of the container"),
  health: z
    .strictObject({
      readiness: probe.describe("may it get traffic").optional(),
      liveness: probe.describe("does it have to be restarted").optional(),
    })
    .default({})
    .describe("health probes"),
  volumes: z.array(volume).default([]).describe("mounts"),
  env: stringMap.default({}).describe("environment variables; plain scalars are taken as written"),
  imagePullPolicy: z
    .enum(["Always", "IfNotPresent", "Never"])
    .describe("default `Always` for `latest` or no tag, else `IfNotPresent`; asked once per revision")
    .optional(),
  logging: logging.prefault({}).describe("rotation of the container's log"),
  envFiles: z.array(absolutePath).default([]).describe("files of `KEY=value` lines on the node"),
  command: z.array(z.string()).min(1).describe("replaces the image's ENTRYPOINT").optional(),
  args: z.array(z.string()).describe("replaces the image's CMD").optional(),
  workingDir: absolutePath.describe("working directory").optional(),
  user: z.union([z.string(), z.number()]).transform(String).describe("user, or user:group").optional(),
  resources: z
    .strictObject({
      cpus: quantity(parseCpus, "a number of CPUs such as 0.5 or 500m").describe("CPU limit").optional(),
      memory: quantity(parseSize, "a size such as 512Mi").describe("memory limit").optional(),
    })
    .default({})
    .describe("limits"),
  stopGracePeriod: duration(0, 3_600_000).default(10_000).describe("from SIGTERM to SIGKILL (default `10s`)"),
  network: z.enum(["bridge", "host"]).default("bridge").describe("`bridge` (default) or `host`"),
  dependsOn: z.array(dnsName).default([]).describe("deployments that must be ready first"),
  readOnlyRootFilesystem: z.boolean().default(false).describe("(default `false`)"),
  extraHosts: z
    .array(z.string().regex(/^[^\s:]+:\S+$/, "expected name:address"))
    .default([])
    .describe("`name:address` lines for /etc/hosts"),
  tmpfs: z
    .array(z.string().regex(/^\//, "expected an absolute path"))
    .default([])
    .describe("paths in memory"),
  replicas: z.number().int().min(1).max(100).default(1).describe("how many containers (default 1)"),
  strategy: z
    .enum(["RollingUpdate", "Recreate"])
    .describe(
      "default `Recreate` with a host port, the host network or a writable volume, else `RollingUpdate`",
    )
    .optional(),
  progressDeadline: duration(1000, 86_400_000)
    .default(120_000)
    .describe("how long a new container may take to become ready (default `2m`)"),
  devices: z
    .array(z.string().regex(/^\//, "expected a device path"))
    .default([])
    .describe("host devices: `host[:container[:rwm]]`"),
  nodes: z.array(dnsName).min(1).describe("names of the nodes that run it (default every node)").optional(),
  nodeSelector: stringMap.default({}).describe("labels that the node must carry"),
  suspend: z.boolean().default(false).describe("leave what runs as it is (default `false`)"),
});

/** The Deployment of SPEC 2, normalised: every default resolved, ms and bytes, null for what is absent. */
export const deploymentSpec = deploymentFields.transform((raw, context) => {
  const problem = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: "custom", path, message });
  if ((raw.image === undefined) === (raw.build === undefined))
    problem([], "expected exactly one of image and build");
  const hostPorts = raw.ports.filter((item) => item.port !== null);
  const pinsHost = hostPorts.length > 0 || raw.network === "host";
  if (raw.strategy === "RollingUpdate" && pinsHost) {
    problem(
      ["strategy"],
      "RollingUpdate needs two containers side by side, which a host port or the host network forbids: expected Recreate",
    );
  }
  if (raw.replicas > 1 && pinsHost) {
    problem(
      ["replicas"],
      "more than one replica cannot share a host port or the host network: remove ports[].port or the replicas",
    );
  }
  if (raw.network === "host" && hostPorts.length > 0) {
    problem(["ports"], "with the host network the container listens on the host itself: remove ports[].port");
  }
  const seen = new Set<string>();
  raw.ports.forEach((item, index) => {
    if (item.port === null) return;
    const key = `${String(item.port)}/${item.protocol}/${item.hostIP ?? ""}`;
    if (seen.has(key)) problem(["ports", index, "port"], "this host port is used twice");
    seen.add(key);
  });
  for (const key of Object.keys(raw.env)) {
    if (key === "" || key.includes("=") || hasControl(key))
      problem(["env", key], "expected a variable name without '='");
  }
  const writable = raw.volumes.some((item) => !item.readOnly);
  const reference = raw.image === undefined ? null : parseImage(raw.image);
  const moving = reference !== null && reference.digest === null && (reference.tag ?? "latest") === "latest";
  return {
    ...raw,
    image: raw.image ?? null,
    build: raw.build ?? null,
    health: { readiness: raw.health.readiness ?? null, liveness: raw.health.liveness ?? null },
    imagePullPolicy: raw.imagePullPolicy ?? (moving ? "Always" : "IfNotPresent"),
    command: raw.command ?? null,
    args: raw.args ?? null,
    workingDir: raw.workingDir ?? null,
    user: raw.user ?? null,
    resources: { cpus: raw.resources.cpus ?? null, memory: raw.resources.memory ?? null },
    nodes: raw.nodes ?? null,
    strategy: raw.strategy ?? (pinsHost || writable ? ("Recreate" as const) : ("RollingUpdate" as const)),
  };
});

export type DeploymentSpec = z.output<typeof deploymentSpec>;
export type Probe = z.output<typeof probe>;
