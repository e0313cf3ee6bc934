import { z } from "zod";
import { parseCpus, parseSize } from "./quantity.ts";

/** Docker refuses a memory limit below 6 MiB (Docker API, ContainerCreate). */
const MIN_MEMORY = 6 * 1024 ** 2;

function quantity(title: string, parse: (text: string) => number | null, expected: string) {
  return z
    .union([z.string(), z.number()], `expected ${expected}`)
    .transform((value, context) => {
      const parsed = parse(String(value));
      if (parsed !== null) return parsed;
      context.addIssue({ code: "custom", message: `expected ${expected}` });
      return z.NEVER;
    })
    .meta({ title });
}

/** `resources` of SPEC 2: a number of CPUs, and bytes. */
export const resources = z.strictObject({
  cpus: quantity("CPUs", parseCpus, "a number of CPUs above 0, such as 0.5 or 500m")
    .meta({
      description:
        "CPU limit: a number of CPUs, or thousandths with `m` as in Kubernetes (`500m` is half a CPU).",
      examples: [0.5, "500m"],
    })
    .optional(),
  memory: quantity("size", parseSize, "a size such as 512Mi")
    .refine((bytes) => bytes >= MIN_MEMORY, "expected at least 6Mi, which Docker asks for")
    .meta({
      description:
        "Memory limit, without extra swap. Units are binary as in Docker: `512m`, `512Mi` and `512MiB` are the same; a bare number is bytes. At least `6Mi`.",
      examples: ["512Mi"],
    })
    .optional(),
});

/** One entry of `extraHosts`: a host name, and an IP address or Docker's word for the host. */
export const hostEntry = z.string().refine((text) => {
  const colon = text.indexOf(":");
  const address = text.slice(colon + 1).replace(/^\[(.*)\]$/, "$1");
  return (
    /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text.slice(0, Math.max(0, colon))) &&
    (address === "host-gateway" || z.union([z.ipv4(), z.ipv6()]).safeParse(address).success)
  );
}, "expected name:address, such as db.internal:10.0.0.5 or host.docker.internal:host-gateway");
