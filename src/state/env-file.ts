/**
 * Parses an environment file as `docker run --env-file` does: `KEY=value` a line, `#` comments and blank lines skipped,
 * values taken as they are. Errors name the line and never the value.
 */
export function parseEnvFile(
  content: string,
): { values: Record<string, string> } | { line: number; error: string } {
  const values: Record<string, string> = {};
  for (const [index, raw] of content.split("\n").entries()) {
    const line = raw.replace(/\r$/, "").trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const at = line.indexOf("=");
    const key = at === -1 ? line : line.slice(0, at);
    if (at === -1 || !/^[^\s=]+$/.test(key)) return { line: index + 1, error: "expected KEY=value" };
    if (key === "__proto__") return { line: index + 1, error: "the key __proto__ is not allowed" };
    values[key] = line.slice(at + 1);
  }
  return { values };
}
