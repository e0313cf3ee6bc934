import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { CommanderError } from "commander";
import { createProgram } from "../../../src/cli/program.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const pages = ["README.md", "CONTRIBUTING.md", ...markdown("docs"), ...markdown("examples")];

function markdown(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
}

/** Lines of ```sh blocks and `inline code` that call orun, without comments and what follows a pipe. */
function commandsOf(text: string): string[] {
  const blocks = [...text.matchAll(/^ *```(?:sh|console)\n([\s\S]*?)^ *```/gm)].flatMap(([, block = ""]) =>
    block.replace(/\\\n/g, " ").split("\n"),
  );
  const inline = [...text.replace(/```[\s\S]*?```/g, "").matchAll(/`((?:sudo )?orun [^`]*)`/g)].map(
    ([, code = ""]) => code,
  );
  return [...blocks, ...inline]
    .map((line) =>
      line
        .trim()
        .replace(/^\$ /, "")
        .replace(/^sudo /, ""),
    )
    .filter((line) => /^(?:orun|bin\/orun)(?: |$)/.test(line))
    .map((line) =>
      line
        .replace(/\s#.*$/, "")
        .replace(/ (?:[|>]|&&) .*$/, "")
        .trim(),
    );
}

/** Splits at spaces outside of quotes. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? "",
  );
}

it("every orun command in the documentation exists, with its options and arguments", async () => {
  const wrong: string[] = [];
  let count = 0;
  for (const page of pages) {
    for (const line of commandsOf(readFileSync(join(root, page), "utf8"))) {
      // The names of commands, and their forms in brackets, are for people.
      if (/[[\]…]/.test(line) || /^orun [A-Z]/.test(line)) continue;
      count++;
      const program = createProgram();
      for (const command of [program, ...program.commands]) {
        command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
        if (command !== program) command.action(() => undefined);
      }
      try {
        await program.parseAsync(words(line).slice(1), { from: "user" });
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error;
        // A bare `orun logs` in a sentence names the command.
        const named = error.code === "commander.missingArgument" && words(line).length === 2;
        if (error.exitCode !== 0 && !named) wrong.push(`${page}: '${line}': ${error.message}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(count > 10, `only ${count} commands found`);
});
