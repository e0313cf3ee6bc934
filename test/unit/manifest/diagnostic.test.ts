import assert from "node:assert/strict";
import { test } from "node:test";
import {
  renderGithub,
  renderJson,
  renderStyled,
  renderText,
  sortDiagnostics,
  type Diagnostic,
} from "../../../src/manifest/diagnostic.ts";

const base: Diagnostic = {
  file: "deployments/a.yaml",
  line: 12,
  column: 3,
  severity: "error",
  message: "unknown field 'imgae'; did you mean 'image'?",
  sourceLine: "  imgae: nginx",
  resource: { kind: "Deployment", name: "a" },
};

test("text: place, severity, message, the line with its number, a caret under the column", () => {
  assert.equal(
    renderText(base),
    "deployments/a.yaml:12:3: error: unknown field 'imgae'; did you mean 'image'?\n  12 |   imgae: nginx\n     |   ^",
  );
  assert.equal(renderText({ ...base, sourceLine: null }).split("\n").length, 1);
  assert.equal(renderText({ ...base, column: 500 }).split("\n").length, 2);
});

test("text: colours come from outside, part by part", () => {
  const parts = new Set<string>();
  renderStyled(base, (part, text) => {
    parts.add(part);
    return text;
  });
  assert.deepEqual([...parts].sort(), ["caret", "error", "gutter", "location"]);
});

test("text: nothing that is said can move the cursor or add a line", () => {
  const text = renderText({ ...base, file: "a\u001b[2J\n.yaml", message: "bad\r\n\u202e" });
  assert.equal(text.split("\n").length, 3);
  assert.doesNotMatch(text, /[\u001b\r\u202e]/);
});

test("github: escaped by its rules", () => {
  assert.equal(
    renderGithub({ ...base, file: "a,b:c%.yaml", message: "50% \r\n: ," }),
    "::error file=a%2Cb%3Ac%25.yaml,line=12,col=3::50%25 %0D%0A: ,",
  );
  assert.match(renderGithub({ ...base, severity: "warning" }), /^::warning /);
});

test("json: what programs read is all there", () => {
  assert.deepEqual(JSON.parse(renderJson([base])), [base]);
});

test("sorted by file, line and column", () => {
  const at = (file: string, line: number, column: number): Diagnostic => ({ ...base, file, line, column });
  const sorted = sortDiagnostics([at("b", 1, 1), at("a", 10, 1), at("a", 9, 7), at("a", 9, 2)]);
  assert.deepEqual(
    sorted.map(({ file, line, column }) => `${file}:${String(line)}:${String(column)}`),
    ["a:9:2", "a:9:7", "a:10:1", "b:1:1"],
  );
});
