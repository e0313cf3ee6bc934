import { z } from "zod";
import { mountPath } from "./fields.ts";

const volume = z
  .strictObject({
    hostPath: mountPath
      .meta({
        description: "A folder or file of the host: an absolute path without `..`.",
        examples: ["/srv/hello"],
      })
      .optional(),
    name: z
      .string()
      .regex(
        /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$/,
        "expected a volume name: at least 2 letters, digits, '_', '.' or '-'",
      )
      .meta({
        description: "A named Docker volume instead of `hostPath`; it is made when absent and never deleted.",
        examples: ["hello-data"],
      })
      .optional(),
    containerPath: mountPath.meta({
      description: "Where the container sees it: an absolute path.",
      examples: ["/data"],
    }),
    readOnly: z
      .boolean()
      .default(false)
      .meta({
        description:
          "Whether the container can only read it. A volume that can be written makes `strategy` `Recreate`.",
        examples: [true],
      }),
  })
  .transform(({ hostPath, name, ...rest }, context) => {
    if (hostPath !== undefined && name === undefined) return { type: "bind" as const, hostPath, ...rest };
    if (name !== undefined && hostPath === undefined) return { type: "volume" as const, name, ...rest };
    const found = hostPath === undefined ? "none" : "both";
    context.addIssue({
      code: "custom",
      message: `expected exactly one of hostPath and name, found ${found}`,
    });
    return z.NEVER;
  });

/** `volumes[]` of SPEC 2; a path in the container may be used once. */
export const volumes = z.array(volume).superRefine((items, context) => {
  const seen = new Set<string>();
  items.forEach((item, index) => {
    const path = item.containerPath.replace(/\/+$/, "");
    if (path === "")
      context.addIssue({
        code: "custom",
        path: [index, "containerPath"],
        message: "expected a path below '/': the container's root cannot be a mount",
      });
    if (seen.has(path))
      context.addIssue({
        code: "custom",
        path: [index, "containerPath"],
        message: `containerPath '${item.containerPath}' is mounted twice`,
      });
    seen.add(path);
  });
});

/** One entry of `tmpfs`: a path and, after a colon, mount options as Compose has them. */
export const tmpfsEntry = z
  .string()
  .regex(
    /^\/[^\s:]+(?::[a-z0-9_=,.%-]+)?$/i,
    "expected an absolute path, with mount options after a colon, such as /run:size=64m",
  )
  .refine((text) => !(text.split(":")[0] ?? "").split("/").includes(".."), "expected a path without '..'");

/** One entry of `devices`: `host[:container[:permissions]]`, as Docker's `--device`. */
export const deviceEntry = z
  .string()
  .regex(
    /^\/[^\s:]+(?::\/[^\s:]+(?::(?!.*(.).*\1)[rwm]{1,3})?)?$/,
    "expected host[:container[:permissions]], such as /dev/ttyUSB0:/dev/ttyUSB0:rw",
  )
  .refine((text) => !text.split(/[/:]/).includes(".."), "expected a path without '..'");
