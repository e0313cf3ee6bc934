/**
 * One command line for the far side's login shell: every argument in single quotes unless it is plainly harmless, so that
 * nothing in it is expanded (sshd knows no argument vectors).
 * @throws {Error} for an argument with a NUL, which no shell can pass.
 */
export function shellCommand(argv: readonly string[]): string {
  return argv.map(shellWord).join(" ");
}

function shellWord(text: string): string {
  if (text.includes("\0")) throw new Error("an argument for the host contains a NUL character");
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}
