/** The facts of a raw commit object. */
import type { CommitInfo } from "../agent/source-port.ts";

/** Parses a commit (git-cat-file(1), type commit). What is malformed becomes empty: it is shown, never relied upon. */
export function parseCommit(id: string, content: Buffer): CommitInfo {
  const split = content.indexOf("\n\n");
  const header = content.toString("latin1", 0, split === -1 ? content.length : split);
  const decoder = decoderFor(/^encoding (\S+)$/m.exec(header)?.[1]);
  const text = decoder.decode(content);
  const lines = text.slice(0, Math.max(text.indexOf("\n\n"), 0) || text.length).split("\n");
  const author = /^author (.*?) ?<([^>]*)>/.exec(lines.find((line) => line.startsWith("author ")) ?? "");
  const committed = /^committer .*> (\d{1,12}) [+-]\d{4}$/.exec(
    lines.find((line) => line.startsWith("committer ")) ?? "",
  );
  return {
    id,
    author: printable(author?.[1] || author?.[2] || "", 100),
    subject: printable(split === -1 ? "" : subjectOf(text.slice(text.indexOf("\n\n") + 2)), 200),
    time: Number(committed?.[1] ?? 0) * 1000,
  };
}

/** As `%s` of git-log(1): the first paragraph in one line. */
function subjectOf(message: string): string {
  const lines = message.replace(/^\s*\n/, "").split("\n");
  const end = lines.findIndex((line) => line.trim() === "");
  return lines
    .slice(0, end === -1 ? lines.length : end)
    .map((line) => line.trim())
    .join(" ");
}

/** Text of strangers that ends up on terminals and in logs: control and format characters, bidi ones too, are replaced. */
function printable(text: string, maxLength: number): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\uFFFD");
  return clean.length <= maxLength ? clean : `${clean.slice(0, maxLength).toWellFormed()}…`;
}

function decoderFor(encoding: string | undefined): TextDecoder {
  try {
    return new TextDecoder(encoding ?? "utf-8");
  } catch {
    // A name that nobody knows; a wrong accent in a subject is better than no subject.
    return new TextDecoder("utf-8");
  }
}
