/** What is read of the engine's answers (Docker API); everything else in them is passed over. */
import { z } from "zod";

const labels = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {});

const listedShape = z.object({
  Id: z.string(),
  Names: z.array(z.string()).nullish(),
  ImageID: z.string(),
  State: z.string(),
  Labels: labels,
  Ports: z
    .array(z.object({ IP: z.string().optional(), PublicPort: z.number().optional(), Type: z.string() }))
    .nullish(),
});
export type Listed = z.output<typeof listedShape>;
export const listShape = z.array(listedShape);

const endpointShape = z.object({
  NetworkID: z.string(),
  IPAddress: z.string().nullish(),
  IPAMConfig: z.object({ IPv4Address: z.string().optional() }).nullish(),
  Aliases: z.array(z.string()).nullish(),
});

export const inspectShape = z.object({
  Id: z.string(),
  Name: z.string(),
  Created: z.string(),
  Image: z.string(),
  RestartCount: z.number().default(0),
  Config: z.object({ Image: z.string(), Labels: labels }),
  State: z.object({
    Status: z.string(),
    ExitCode: z.number(),
    OOMKilled: z.boolean().default(false),
    Error: z.string().default(""),
    StartedAt: z.string(),
    FinishedAt: z.string(),
  }),
  HostConfig: z.object({
    NetworkMode: z.string(),
    RestartPolicy: z.object({ Name: z.string() }).nullish(),
    NanoCpus: z.number().nullish(),
    Memory: z.number().nullish(),
    PortBindings: z
      .record(z.string(), z.array(z.object({ HostIp: z.string().nullish(), HostPort: z.string() })).nullish())
      .nullish(),
  }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), endpointShape).nullish() }),
});
export type Inspected = z.output<typeof inspectShape>;

export const networkShape = z.object({
  Id: z.string(),
  Name: z.string(),
  Created: z.string().default(""),
  Labels: labels,
  IPAM: z
    .object({
      Config: z.array(z.object({ Subnet: z.string().optional(), Gateway: z.string().optional() })).nullish(),
    })
    .nullish(),
});

export const imageShape = z.object({
  Id: z.string(),
  RepoTags: z.array(z.string()).nullish(),
  RepoDigests: z.array(z.string()).nullish(),
  Config: z.object({ Labels: labels }).nullish(),
});

export const idShape = z.object({ Id: z.string(), Warnings: z.array(z.string()).nullish() });
export const infoShape = z.object({ ID: z.string(), NCPU: z.number(), ServerVersion: z.string() });
export const execShape = z.object({ Running: z.boolean(), ExitCode: z.number().nullish() });
export const eventShape = z.object({
  Action: z.string(),
  Type: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).nullish() }),
  timeNano: z.number().default(0),
});
export const pullShape = z.object({
  status: z.string().optional(),
  id: z.string().optional(),
  error: z.string().optional(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).nullish(),
});
