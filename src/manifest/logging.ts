import { z } from "zod";
import { oneLine, stringMap, wholeNumber } from "./fields.ts";
import { formatDockerSize, parseSize } from "./quantity.ts";

const MIN_LOG_BYTES = 1024;

/**
 * `logging` of SPEC 2 as Docker's LogConfig: a driver and its options. Without anything it is `json-file` with 3 files of
 * 10 MiB, so that no container can fill the disk.
 */
export const logging = z
  .strictObject({
    maxSize: z
      .string()
      .refine(
        (text) => (parseSize(text) ?? 0) >= MIN_LOG_BYTES,
        "expected a size of at least 1k, such as 10m or 512Ki",
      )
      .meta({
        description:
          "Size at which one log file is rotated, for the drivers `json-file` and `local`; units are binary. `10m` with `json-file`.",
        examples: ["50m"],
      })
      .optional(),
    maxFiles: wholeNumber(1, 1000)
      .meta({
        description:
          "How many log files are kept, for the drivers `json-file` and `local`. `3` with `json-file`.",
        examples: [5],
      })
      .optional(),
    driver: oneLine
      .meta({ description: "Log driver of the engine; `json-file` when left out.", examples: ["journald"] })
      .optional(),
    options: stringMap
      .meta({
        description: "Options of the driver, in its own words. Values are strings: put numbers in quotes.",
        examples: [{ tag: "{{.Name}}" }],
      })
      .optional(),
  })
  .transform(({ maxSize, maxFiles, driver = "json-file", options = {} }, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    const rotates = driver === "json-file" || driver === "local";
    const rotation: Record<string, string> = {};
    if (maxFiles !== undefined || driver === "json-file") rotation["max-file"] = String(maxFiles ?? 3);
    if (maxSize !== undefined || driver === "json-file")
      rotation["max-size"] = maxSize === undefined ? "10m" : formatDockerSize(parseSize(maxSize) ?? 0);
    for (const [field, option, given] of [
      ["maxSize", "max-size", maxSize],
      ["maxFiles", "max-file", maxFiles],
    ] as const) {
      if (given === undefined) continue;
      if (!rotates)
        refuse(field, `${field} is for json-file and local; say it in '${driver}' words in options`);
      else if (option in options)
        refuse(field, `${field} and options.${option} say the same: keep one of them`);
    }
    // Sorted, so that the order in which options are written changes no revision.
    const merged = Object.entries({ ...rotation, ...options }).sort(([a], [b]) => (a < b ? -1 : 1));
    return { driver, options: Object.fromEntries(merged) };
  });
