/** What is done to a host, as data: built by pure functions, shown by --dry-run, and run elsewhere. */
import { shellCommand } from "./quote.ts";

export type Operation =
  | {
      kind: "run";
      argv: readonly string[];
      /** ms */
      timeoutMs: number;
      /** Advice for when it fails. */
      advice: string;
    }
  | { kind: "write"; path: string; mode: string; content: string }
  | { kind: "upload"; path: string; mode: string; source: string };

export interface Step {
  /** What it brings about: "Docker engine from Debian's packages". */
  title: string;
  /** Empty: it is so already. */
  operations: readonly Operation[];
  /** Why there is nothing to do, or what about the step is worth knowing; null: nothing. */
  note: string | null;
}

const writeScript = 'umask 077 && cat > "$1.new" && chmod "$2" "$1.new" && mv -fT "$1.new" "$1"';
const uploadScript = 'umask 077 && gzip -dc > "$1.part" && chmod "$2" "$1.part"';

/** The program and arguments that carry it out on the host; a file's content goes to its standard input. */
export function commandOf(operation: Operation): readonly string[] {
  switch (operation.kind) {
    case "run":
      return operation.argv;
    case "write":
      return ["sh", "-c", writeScript, "orun-write", operation.path, operation.mode];
    case "upload":
      return ["sh", "-c", uploadScript, "orun-upload", operation.path, operation.mode];
  }
}

/** For people: the command as the host's shell gets it, and a file's content below it. */
export function describeOperation(operation: Operation): string {
  const command = `$ ${shellCommand(commandOf(operation))}`;
  switch (operation.kind) {
    case "run":
      return command;
    case "write":
      return `${command}\n${operation.content
        .replace(/^/gm, "  | ")
        .replace(/ {2}\| $/, "")
        .trimEnd()}`;
    case "upload":
      return `${command}\n  | (the file ${operation.source}, compressed)`;
  }
}
