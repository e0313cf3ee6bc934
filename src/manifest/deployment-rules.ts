import type { z } from "zod";
import type { Port } from "./port.ts";
import { suggest } from "./suggest.ts";

/** A rule over several fields, as the arguments of zod's `refine`. */
type Rule<Fields> = [
  holds: (fields: Fields) => boolean,
  params: { message: string; path: string[]; when: (payload: z.core.ParsePayload) => boolean },
];

/**
 * A rule that is also checked when other fields are wrong, so that all errors of a document come together (SPEC 2); only
 * when `reads` themselves are right is there something to judge.
 */
function rule<Fields>(
  reads: readonly (keyof Fields & string)[],
  path: string[],
  message: string,
  holds: (fields: Fields) => boolean,
): Rule<Fields> {
  const names: readonly string[] = reads;
  const spoils = (issue: z.core.$ZodRawIssue): boolean => {
    const field = issue.path?.[0];
    if (field !== undefined) return names.includes(String(field));
    // Another rule's issue about the whole; anything else there means that it is no map at all.
    if (issue.code === "custom") return false;
    if (issue.code !== "unrecognized_keys") return true;
    // A misspelt field is absent only by name: one error is enough.
    const keys: unknown = issue["keys"];
    return Array.isArray(keys) && keys.some((key) => suggest(String(key), names) !== null);
  };
  return [holds, { message, path, when: (payload) => !payload.issues.some(spoils) }];
}

interface Placement {
  network: "bridge" | "host";
  ports: Port[];
}

const publishes = (fields: Placement): boolean => fields.ports.some((port) => port.port !== null);
const pinsHost = (fields: Placement): boolean => fields.network === "host" || publishes(fields);

/** SPEC 2: exactly one of `image` and `build`. */
export const exactlyOneOfImageAndBuild = rule<{ image?: string | undefined; build?: object | undefined }>(
  ["image", "build"],
  [],
  "expected exactly one of image and build",
  (fields) => (fields.image === undefined) !== (fields.build === undefined),
);

/** SPEC 2: `RollingUpdate` asked for with a host port or the host network is an error. */
export const rollingNeedsFreePorts = rule<Placement & { strategy?: string | undefined }>(
  ["strategy", "network", "ports"],
  ["strategy"],
  "RollingUpdate runs two containers side by side for a moment, which a host port or the host network forbids: use Recreate, or remove ports[].port and the host network (a Service needs neither)",
  (fields) => fields.strategy !== "RollingUpdate" || !pinsHost(fields),
);

/** SPEC 2: more than one replica needs ports without a host port; the host network is shared just so. */
export const replicasShareNothing = rule<Placement & { replicas: number }>(
  ["replicas", "network", "ports"],
  ["replicas"],
  "several replicas cannot share a host port or the host network: expected 1, or ports without a host port",
  (fields) => fields.replicas === 1 || !pinsHost(fields),
);

/** With the host network there is nothing to publish, and Docker would drop it silently. */
export const hostNetworkPublishesNothing = rule<Placement>(
  ["network", "ports"],
  ["ports"],
  "with the host network a container listens on the host itself: remove ports[].port and keep containerPort",
  (fields) => fields.network !== "host" || !publishes(fields),
);
