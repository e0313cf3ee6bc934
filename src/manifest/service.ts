import { z } from "zod";
import { dnsName, portNumber } from "./fields.ts";

const HOST_NAME =
  /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

const hostName = z
  .string()
  .regex(HOST_NAME, "expected a host name in lower case, without scheme and port, such as hello.example.com");

const hostTemplate = z
  .string()
  .refine((text) => text.includes("$ENV"), "expected a template with $ENV, such as hello.$ENV.example.com")
  // The longest environment label there is, so that a template that passes here passes everywhere.
  .refine(
    (text) => HOST_NAME.test(text.replaceAll("$ENV", "e".repeat(40))),
    "expected a host name in lower case with $ENV in it, such as hello.$ENV.example.com",
  );

const domain = z.strictObject({
  default: hostName.meta({ description: "Host name on production.", examples: ["hello.example.com"] }),
  environment: hostTemplate
    .meta({
      description:
        "Host name everywhere else, where `$ENV` is the environment's name; served on production only when left out.",
      examples: ["hello.$ENV.example.com"],
    })
    .optional(),
});

/** The Service of SPEC 2. */
export const serviceSpec = z.strictObject({
  deployment: dnsName.meta({ description: "Name of the Deployment to expose.", examples: ["hello"] }),
  port: portNumber
    .meta({
      description:
        "The container port that answers; the first `containerPort` of the Deployment when left out.",
      examples: [8080],
    })
    .optional(),
  ingress: z
    .strictObject({
      domain: domain.meta({ description: "Host names." }),
      ssl: z
        .boolean()
        .default(false)
        .meta({
          description: "Automatic certificate, its renewal, and the redirect from HTTP.",
          examples: [true],
        }),
    })
    .meta({ description: "The HTTP route." }),
});

/** What a service is: an HTTP route to a deployment. */
export type ServiceSpec = z.output<typeof serviceSpec>;
