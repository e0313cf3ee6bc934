import { z } from "zod";
import { portNumber } from "./fields.ts";

const port = z
  .strictObject({
    containerPort: portNumber.meta({ description: "The port inside the container.", examples: [8080] }),
    port: portNumber
      .meta({
        description:
          "The port on the host (Kubernetes: `hostPort`). Without it nothing is published; a Service does not need it.",
        examples: [80],
      })
      .optional(),
    protocol: z
      .enum(["tcp", "udp"])
      .default("tcp")
      .meta({ description: "`tcp` or `udp`.", examples: ["udp"] }),
    hostIP: z
      .union([z.ipv4(), z.ipv6()], "expected an IP address such as 127.0.0.1")
      .meta({
        description: "The host's address that the host port listens on; without it, every address.",
        examples: ["127.0.0.1"],
      })
      .optional(),
  })
  .transform(({ containerPort, port: hostPort, protocol, hostIP }, context) => {
    if (hostIP !== undefined && hostPort === undefined) {
      context.addIssue({
        code: "custom",
        path: ["hostIP"],
        message: "hostIP needs a host port: add port, or remove hostIP",
      });
      return z.NEVER;
    }
    return { containerPort, port: hostPort ?? null, protocol, hostIP: hostIP ?? null };
  });

/** A port of the container and, when `port` is not null, where the host publishes it. */
export type Port = z.output<typeof port>;

/** `ports[]` of SPEC 2; a host port may be named once. */
export const ports = z.array(port).superRefine((items, context) => {
  items.forEach((item, index) => {
    if (items.slice(0, index).some((earlier) => samePort(earlier, item))) {
      context.addIssue({
        code: "custom",
        path: [index, "port"],
        message: `host port ${portText(item)} is used twice in this deployment`,
      });
    }
  });
});

/** Where the host publishes something; `port` null: nowhere. */
export type HostPortClaim = Pick<Port, "port" | "protocol" | "hostIP">;

/** Whether two host ports cannot be published side by side on one host; an absent `hostIP` is every address. */
export function samePort(a: HostPortClaim, b: HostPortClaim): boolean {
  if (a.port === null || a.port !== b.port || a.protocol !== b.protocol) return false;
  const every = (address: string | null): boolean =>
    address === null || address === "0.0.0.0" || address === "::";
  return every(a.hostIP) || every(b.hostIP) || a.hostIP === b.hostIP;
}

/** A host port as people write it: `127.0.0.1:80/tcp`. */
export function portText(port: HostPortClaim): string {
  return `${port.hostIP === null ? "" : `${port.hostIP}:`}${String(port.port)}/${port.protocol}`;
}
