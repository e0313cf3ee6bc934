import type { Diagnostic } from "./diagnostic.ts";
import type { Kind, Resource } from "./resource.ts";

/** A file of one commit. */
export interface ManifestFile {
  /** Relative to the repository's root. */
  path: string;
  /** Object id of the content: with the path the cache's key. */
  blob: string;
  content: string;
}

/** A document with errors whose kind and name are known: it is held, never read as deleted (SPEC 2). */
interface InvalidDocument {
  kind: Kind;
  name: string;
  file: string;
  line: number;
  /** Its first error. */
  message: string;
}

/** What some files say, and what is wrong with them. */
export interface ParsedManifests {
  resources: Resource[];
  diagnostics: Diagnostic[];
  invalid: InvalidDocument[];
  /** Some document's kind or name cannot be read: nothing may be pruned (SPEC 2). */
  unidentified: boolean;
  /** Documents, valid or not. */
  documents: number;
}
