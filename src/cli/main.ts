import { CommanderError } from "commander";
import { createProgram } from "./program.ts";

// `orun status | head` closes the pipe early: that is the reader's way to say enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 1;
  else {
    process.stderr.write(`orun: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
