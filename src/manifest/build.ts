import { z } from "zod";
import { stringMap } from "./fields.ts";
import { hasControl } from "./text.ts";

const insidePath = z
  .string()
  .min(1, "expected a path; '.' is the folder itself")
  .refine((path) => !path.startsWith("/"), "expected a relative path, without a '/' in front")
  .refine(
    (path) => !path.split("/").includes(".."),
    "expected a path without '..': it may not leave its folder",
  )
  .refine((path) => !hasControl(path), "expected a path without control or invisible characters");

/** `build` of SPEC 2. */
export const build = z.strictObject({
  context: insidePath.meta({
    description:
      "Folder with what the build needs, relative to the node's `codeDir`, which it may not leave.",
    examples: ["hello"],
  }),
  dockerfile: insidePath
    .default("Dockerfile")
    .meta({ description: "The Dockerfile, relative to the context.", examples: ["docker/Dockerfile.prod"] }),
  args: stringMap.default({}).meta({
    description: "Build arguments. Values are strings: put numbers in quotes.",
    examples: [{ NODE_VERSION: "26" }],
  }),
  buildMode: z
    .enum(["build-once", "build-on-change", "build-always"])
    .default("build-once")
    .meta({
      description:
        "When to build: `build-once` when no image of this build exists, `build-on-change` also when the content of the context changes, `build-always` at every new commit.",
      examples: ["build-on-change"],
    }),
});
