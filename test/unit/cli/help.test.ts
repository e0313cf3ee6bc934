import { it } from "node:test";
import { createProgram } from "../../../src/cli/program.ts";
import { golden } from "./golden.ts";

it("the help of every command", () => {
  const program = createProgram();
  const said = [program, ...program.commands].map((command) => {
    command.configureOutput({ getOutHelpWidth: () => 100, getOutHasColors: () => false });
    return `$ orun ${command === program ? "" : `${command.name()} `}--help\n${command.helpInformation()}`;
  });
  golden("help.txt", said.join("\n"));
});
