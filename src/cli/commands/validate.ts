import { renderGithub, renderText, sortDiagnostics } from "../../manifest/diagnostic.ts";
import { parseManifests } from "../../manifest/parse.ts";
import { checkReferences } from "../../manifest/references.ts";
import { readWorkingTree } from "../working-tree.ts";

/** `orun validate`: every finding of a folder at once. Answers the exit code: 0 without errors, 1 with. */
export function validate(path: string, options: Record<string, unknown>): number {
  const { format } = options;
  if (format !== "text" && format !== "json" && format !== "github")
    throw new Error("--format: expected text, json or github");
  const files = readWorkingTree(path);
  const parsed = parseManifests(files);
  const diagnostics = sortDiagnostics([...parsed.diagnostics, ...checkReferences(parsed).diagnostics]);
  const errors = diagnostics.filter((item) => item.severity === "error").length;
  if (format === "json") process.stdout.write(`${JSON.stringify(diagnostics, null, 2)}\n`);
  else
    for (const item of diagnostics)
      process.stdout.write(`${format === "github" ? renderGithub(item) : renderText(item)}\n`);
  if (format === "text") {
    if (parsed.documents === 0)
      process.stdout.write(
        `no manifests below ${path}: expected nodes/, deployments/ or services/ with *.yaml files\n`,
      );
    const counted = (count: number, word: string): string =>
      `${String(count)} ${word}${count === 1 ? "" : "s"}`;
    process.stdout.write(
      `${counted(parsed.documents, "document")} in ${counted(files.length, "file")}: ${counted(errors, "error")}, ${counted(diagnostics.length - errors, "warning")}\n`,
    );
  }
  return errors > 0 || parsed.documents === 0 ? 1 : 0;
}
