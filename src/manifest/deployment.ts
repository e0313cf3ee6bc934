import { z } from "zod";
import { build } from "./build.ts";
import { variableName, variableValue } from "./environment-variable.ts";
import { absolutePath, dnsName, duration, oneLine, stringMap, wholeNumber } from "./fields.ts";
import { explainImage, parseImage } from "./image.ts";
import { logging } from "./logging.ts";
import { deviceEntry, tmpfsEntry, volumes } from "./mounts.ts";
import { ports } from "./port.ts";
import { probe } from "./probe.ts";
import { hostEntry, resources } from "./runtime-fields.ts";
import {
  exactlyOneOfImageAndBuild,
  replicasShareNothing,
  rollingNeedsFreePorts,
  hostNetworkPublishesNothing,
} from "./deployment-rules.ts";

/** The Deployment of SPEC 2, as it is written. */
const fields = z.strictObject({
  image: z
    .string()
    .superRefine((text, context) => {
      const reason = explainImage(text);
      if (reason !== null)
        context.addIssue({
          code: "custom",
          message: `expected an image reference such as nginx:1.27, but ${reason}`,
        });
    })
    .meta({
      description:
        "Image reference. Exactly one of `image` and `build`. The digest is resolved when a revision is first applied and kept.",
      examples: ["nginx:1.27", "registry.example.com/team/app:1.4.2"],
    })
    .optional(),
  build: build
    .meta({
      description: "Build the image on the node instead of pulling it. Exactly one of `image` and `build`.",
    })
    .optional(),
  ports: ports.default([]).meta({ description: "Ports of the container." }),
  health: z
    .strictObject({
      readiness: probe
        .meta({
          description:
            "Whether the container may get traffic. Without it: the port of its Service accepts TCP, else it has been running for 1 s.",
        })
        .optional(),
      liveness: probe.meta({ description: "Whether the container has to be restarted." }).optional(),
    })
    .default({})
    .meta({ description: "Health probes; each has exactly one of `http`, `tcp` and `exec`." }),
  volumes: volumes.default([]).meta({
    description: "Mounts; each has exactly one of `hostPath` and `name`. orun never deletes what is in them.",
  }),
  env: z
    .record(variableName, variableValue)
    .default({})
    .meta({
      description:
        "Environment variables. A plain value is passed as it is written (`1.10` stays `1.10`), a quoted or block one as its value, an empty one as the empty string; lists, maps and YAML tags are refused.",
      examples: [{ LOG_FORMAT: "json" }],
    }),
  imagePullPolicy: z
    .enum(["Always", "IfNotPresent", "Never"])
    .meta({
      description:
        "When to ask the registry, once per new revision. Default: `Always` for `latest` or no tag, else `IfNotPresent`.",
      examples: ["IfNotPresent"],
    })
    .optional(),
  logging: logging
    .prefault({})
    .meta({ description: "Rotation of the container's log: 3 files of 10 MiB by default." }),
  envFiles: z
    .array(absolutePath)
    .default([])
    .meta({
      description:
        "Absolute paths of files on the node with `KEY=value` lines, for what does not belong in Git. `env` wins over them.",
      examples: [["/etc/orun/secrets/hello.env"]],
    }),
  command: z
    .array(z.string())
    .min(1, "expected at least one word; leave command out to keep the image's ENTRYPOINT")
    .meta({
      description: "Replaces the image's ENTRYPOINT. No shell takes part.",
      examples: [["/bin/server"]],
    })
    .optional(),
  args: z
    .array(z.string())
    .meta({ description: "Replaces the image's CMD.", examples: [["--port", "8080"]] })
    .optional(),
  workingDir: absolutePath
    .meta({
      description: "Working directory of the command; the image's own when left out.",
      examples: ["/app"],
    })
    .optional(),
  user: z
    .union([oneLine, wholeNumber(0, 4_294_967_294)], "expected a user such as app, 1000 or 1000:1000")
    .transform(String)
    .meta({
      description: "User, or `user:group`, by name or number; the image's own when left out.",
      examples: [1000, "app:app"],
    })
    .optional(),
  resources: resources.default({}).meta({ description: "Limits; none when left out." }),
  stopGracePeriod: duration(0, 3_600_000)
    .prefault("10s")
    .meta({ description: "Time from SIGTERM to SIGKILL, at most `1h`.", examples: ["30s"] }),
  network: z
    .enum(["bridge", "host"])
    .default("bridge")
    .meta({
      description:
        "`bridge`: the environment's own network, where deployments reach each other by name. `host`: the host's.",
      examples: ["host"],
    }),
  dependsOn: z
    .array(dnsName)
    .default([])
    .meta({
      description: "Deployments that have to be ready before this one is started.",
      examples: [["database"]],
    }),
  readOnlyRootFilesystem: z
    .boolean()
    .default(false)
    .meta({ description: "Whether the container's own file system can only be read.", examples: [true] }),
  extraHosts: z
    .array(hostEntry)
    .default([])
    .meta({
      description:
        "Lines for the container's `/etc/hosts`: `name:address`, or `name:host-gateway` for the host.",
      examples: [["host.docker.internal:host-gateway"]],
    }),
  tmpfs: z
    .array(tmpfsEntry)
    .default([])
    .meta({
      description: "Folders in memory, with mount options after a colon as in Compose.",
      examples: [["/run", "/tmp:size=64m"]],
    }),
  replicas: wholeNumber(1, 100)
    .default(1)
    .meta({
      description: "How many containers; more than one needs ports without a host port.",
      examples: [2],
    }),
  strategy: z
    .enum(["RollingUpdate", "Recreate"])
    .meta({
      description:
        "`RollingUpdate` starts the new container first, `Recreate` stops the old one first. Default: `Recreate` when a host port, the host network or a writable volume is used, else `RollingUpdate`.",
      examples: ["Recreate"],
    })
    .optional(),
  progressDeadline: duration(1000, 86_400_000)
    .prefault("2m")
    .meta({
      description:
        "How long a new container may take to become ready before it is rolled back, `1s` to `24h`.",
      examples: ["5m"],
    }),
  devices: z
    .array(deviceEntry)
    .default([])
    .meta({
      description: "Devices of the host: `host[:container[:permissions]]`.",
      examples: [["/dev/ttyUSB0"]],
    }),
  nodes: z
    .array(dnsName)
    .min(1, "expected at least one node; leave nodes out for every node")
    .meta({
      description: "Names of the nodes that run it; every node when left out.",
      examples: [["web-01"]],
    })
    .optional(),
  nodeSelector: stringMap.default({}).meta({
    description: "Labels that a Node's `metadata.labels` has to carry to run it; every node when left out.",
    examples: [{ role: "web" }],
  }),
  suspend: z
    .boolean()
    .default(false)
    .meta({ description: "Leave what runs as it is, until this is taken out again.", examples: [true] }),
});

/** The Deployment of SPEC 2, normalised: every default resolved, ms and bytes, null for what is absent. */
export const deploymentSpec = fields
  .refine(...exactlyOneOfImageAndBuild)
  .refine(...rollingNeedsFreePorts)
  .refine(...replicasShareNothing)
  .refine(...hostNetworkPublishesNothing)
  .transform((raw) => {
    const reference = raw.image === undefined ? null : parseImage(raw.image);
    const moving =
      reference !== null && reference.digest === null && (reference.tag ?? "latest") === "latest";
    const pinsHost = raw.network === "host" || raw.ports.some((item) => item.port !== null);
    const writable = raw.volumes.some((item) => !item.readOnly);
    return {
      ...raw,
      image: raw.image ?? null,
      build: raw.build ?? null,
      health: { readiness: raw.health.readiness ?? null, liveness: raw.health.liveness ?? null },
      imagePullPolicy: raw.imagePullPolicy ?? (moving ? ("Always" as const) : ("IfNotPresent" as const)),
      command: raw.command ?? null,
      args: raw.args ?? null,
      workingDir: raw.workingDir ?? null,
      user: raw.user ?? null,
      resources: { cpus: raw.resources.cpus ?? null, memory: raw.resources.memory ?? null },
      nodes: raw.nodes ?? null,
      strategy: raw.strategy ?? (pinsHost || writable ? ("Recreate" as const) : ("RollingUpdate" as const)),
    };
  });

/** What a deployment is, with nothing left to decide: `image` or `build` is not null, times in ms, sizes in bytes. */
export type DeploymentSpec = z.output<typeof deploymentSpec>;
export type { Probe } from "./probe.ts";
