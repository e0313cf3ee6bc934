import { renderGithub, renderJson, renderStyled, sortDiagnostics } from "../../manifest/diagnostic.ts";
import { parseManifests } from "../../manifest/parse.ts";
import { checkReferences } from "../../manifest/references.ts";
import { diagnosticStyle } from "../diagnostic-style.ts";
import { paintFor, terminalOf } from "../terminal.ts";
import { readWorkingTree } from "../working-tree.ts";

/** `orun validate`: every finding of a folder at once. Answers the exit code: 0 without errors, 1 with. */
export function validate(
  path: string,
  options: Record<string, unknown>,
  write: (text: string) => void = (text) => process.stdout.write(text),
): number {
  const { format } = options;
  if (format !== "text" && format !== "json" && format !== "github")
    throw new Error("--format: expected text, json or github");
  const files = readWorkingTree(path);
  const parsed = parseManifests(files);
  const diagnostics = sortDiagnostics([...parsed.diagnostics, ...checkReferences(parsed).diagnostics]);
  const errors = diagnostics.filter((item) => item.severity === "error").length;
  const style = diagnosticStyle(paintFor(terminalOf(process.stdout)));
  if (format === "json") write(`${renderJson(diagnostics)}\n`);
  else
    for (const item of diagnostics)
      write(`${format === "github" ? renderGithub(item) : renderStyled(item, style)}\n`);
  if (format === "text") {
    if (parsed.documents === 0)
      write(`no manifests below ${path}: expected nodes/, deployments/ or services/ with *.yaml files\n`);
    const counted = (count: number, word: string): string =>
      `${String(count)} ${word}${count === 1 ? "" : "s"}`;
    write(
      `${counted(parsed.documents, "document")} in ${counted(files.length, "file")}: ${counted(errors, "error")}, ${counted(diagnostics.length - errors, "warning")}\n`,
    );
  }
  return errors > 0 || parsed.documents === 0 ? 1 : 0;
}
