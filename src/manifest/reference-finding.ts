import type { Resource } from "./resource.ts";

/** One finding of a check: where (a path in the resource's document), and what. */
export interface ReferenceFinding {
  resource: Resource;
  path: (string | number)[];
  severity: "error" | "warning";
  message: string;
}
