/** Which branch names are allowed: the rules of git-check-ref-format(1) for `--branch`. */

const forbidden = /[ ~^:?*[\\]/;

/** What is wrong with a branch name, or null. Control characters and a leading `-` are refused, so it is safe as an operand. */
export function branchNameProblem(name: string): string | null {
  if (name === "") return "is empty";
  if (Buffer.byteLength(name) > 200) return "is longer than 200 bytes";
  if (name.startsWith("-")) return "starts with '-'";
  if (name === "HEAD" || name === "@") return "is a name that Git reserves";
  if (!name.isWellFormed()) return "is not valid Unicode";
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return "contains a control character";
  }
  const bad = forbidden.exec(name);
  if (bad !== null) return `contains '${bad[0]}'`;
  if (name.includes("..")) return "contains '..'";
  if (name.includes("@{")) return "contains '@{'";
  if (name.endsWith(".")) return "ends with '.'";
  for (const part of name.split("/")) {
    if (part === "") return "has an empty component (a '/' at an end, or two in a row)";
    if (part.startsWith(".")) return "has a component that starts with '.'";
    if (part.endsWith(".lock")) return "has a component that ends with '.lock'";
  }
  return null;
}
