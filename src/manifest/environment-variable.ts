import { z } from "zod";
import { hasControl } from "./text.ts";

/** The name of an environment variable: what `KEY=value` can carry (POSIX environ). */
export const variableName = z
  .string()
  .refine(
    (name) => name !== "" && !name.includes("=") && !/\s/.test(name) && !hasControl(name),
    "expected a variable name without '=', white space or control characters",
  );

/**
 * A value of `env` (SPEC 2). The parser hands over a plain scalar's source text, so that `1.10` stays `1.10`; the other
 * types are here for editors, which see the value.
 */
export const variableValue = z
  .union([z.string(), z.number(), z.boolean(), z.null()], "expected a text, a number, true, false or nothing")
  .transform((value) => (value === null ? "" : String(value)))
  .refine((value) => !value.includes("\0"), "expected a value without a NUL character");
