import { z } from "zod";
import { dnsName, portNumber } from "./fields.ts";

const hostName = z
  .string()
  .regex(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    "expected a host name such as hello.example.com",
  );

/** The Service of SPEC 2. */
export const serviceSpec = z.strictObject({
  deployment: dnsName.describe("name of the Deployment to expose"),
  port: portNumber.describe("its container port (default its first `containerPort`)").optional(),
  ingress: z
    .strictObject({
      domain: z
        .strictObject({
          default: hostName.describe("host name on production"),
          environment: z
            .string()
            .refine(
              (text) => text.includes("$ENV"),
              "expected a template with $ENV, such as $ENV.example.com",
            )
            .refine(
              (text) => hostName.safeParse(text.replaceAll("$ENV", "env")).success,
              "expected a host name with $ENV",
            )
            .describe("template with `$ENV`, used everywhere else")
            .optional(),
        })
        .describe("host names"),
      ssl: z
        .boolean()
        .default(false)
        .describe("automatic certificate and redirect from HTTP (default `false`)"),
    })
    .describe("the HTTP route"),
});

export type ServiceSpec = z.output<typeof serviceSpec>;
