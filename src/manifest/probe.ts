import { z } from "zod";
import { duration, portNumber, wholeNumber } from "./fields.ts";

const HTTP_PROBE = /^localhost(?::([1-9]\d{0,4}))?(\/[!-~]*)?$/;
const EXPECTED_HTTP =
  "expected localhost:PORT/PATH, where localhost is the container, such as localhost:80/health";

/**
 * A readiness or liveness probe (SPEC 2), normalised to what is asked (`http`, `tcp`, `exec`) and when. Times in ms.
 * `localhost` is the container and the port its own; without a port it is 80, without a path `/`.
 */
export const probe = z
  .strictObject({
    http: z
      .string()
      .regex(HTTP_PROBE, EXPECTED_HTTP)
      .refine((text) => Number(HTTP_PROBE.exec(text)?.[1] ?? 80) <= 65535, "expected a port from 1 to 65535")
      .meta({
        description:
          "`localhost:PORT/PATH`, asked with GET: `localhost` is the container, the port is its own (80 when left out). A status from 200 to 399 succeeds; redirects are not followed.",
        examples: ["localhost:8080/health"],
      })
      .optional(),
    tcp: portNumber
      .meta({
        description: "A port of the container; a connection that is accepted succeeds.",
        examples: [5432],
      })
      .optional(),
    exec: z
      .array(z.string())
      .min(1, "expected a command of at least one word")
      .meta({
        description: "A command run inside the container, without a shell; exit code 0 succeeds.",
        examples: [["pg_isready", "-U", "app"]],
      })
      .optional(),
    interval: duration(100, 86_400_000)
      .prefault("5s")
      .meta({
        description:
          "Time between two probes; until the container is ready for the first time it is `1s` at most.",
        examples: ["10s"],
      }),
    timeout: duration(100, 600_000)
      .prefault("2s")
      .meta({ description: "How long one probe may take.", examples: ["500ms"] }),
    failureThreshold: wholeNumber(1, 1000)
      .default(3)
      .meta({
        description:
          "Failures in a row that count: readiness then takes the container out of the ingress, liveness restarts it.",
        examples: [5],
      }),
    initialDelay: duration(0, 86_400_000)
      .prefault("0s")
      .meta({ description: "Time after the container's start before the first probe.", examples: ["15s"] }),
  })
  .transform(({ http, tcp, exec, ...timing }, context) => {
    const asked = Object.entries({ http, tcp, exec }).filter(([, value]) => value !== undefined);
    if (asked.length !== 1) {
      const found = asked.length === 0 ? "none" : asked.map(([key]) => key).join(" and ");
      context.addIssue({
        code: "custom",
        message: `expected exactly one of http, tcp and exec, found ${found}`,
      });
      return z.NEVER;
    }
    if (http !== undefined) {
      const match = HTTP_PROBE.exec(http);
      return { type: "http" as const, port: Number(match?.[1] ?? 80), path: match?.[2] ?? "/", ...timing };
    }
    if (tcp !== undefined) return { type: "tcp" as const, port: tcp, ...timing };
    return { type: "exec" as const, command: exec ?? [], ...timing };
  });

/** How orun asks a container whether it is ready or alive; `interval`, `timeout` and `initialDelay` in ms. */
export type Probe = z.output<typeof probe>;
