import { dirname } from "node:path";
import { isSea } from "node:sea";

/** The top folder of the sources; null in the packaged executable. */
export function sourcesFolder(): string | null {
  return isSea() ? null : dirname(dirname(dirname(import.meta.dirname)));
}
