import { CommanderError } from "commander";
import { createProgram } from "./program.ts";

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 1;
  else {
    process.stderr.write(`orun: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
