import { EngineError } from "../agent/errors.ts";

const NEWEST = "1.47";
const OLDEST = "1.41";

/** The API version to speak, from the `Api-Version` header of `/_ping`. Throws an EngineError `api-version` below Docker 20.10. */
export function chooseVersion(header: unknown): string {
  if (typeof header !== "string" || !/^\d+\.\d+$/.test(header)) {
    throw new EngineError(
      "api-version",
      "what answers on the socket does not say which Docker API it speaks: is it a Docker engine?",
    );
  }
  if (compare(header, OLDEST) < 0) {
    throw new EngineError(
      "api-version",
      `the engine speaks API ${header}; orun needs ${OLDEST} (Docker 20.10) or newer: upgrade the engine`,
    );
  }
  return compare(header, NEWEST) < 0 ? header : NEWEST;
}

function compare(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}
