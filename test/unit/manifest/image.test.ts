import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { explainImage, parseImage } from "../../../src/manifest/image.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

for (const [text, registry, repository, tag, digest] of [
  ["nginx", "docker.io", "library/nginx", null, null],
  ["nginx:1.27", "docker.io", "library/nginx", "1.27", null],
  ["index.docker.io/nginx", "docker.io", "library/nginx", null, null],
  ["acme/api", "docker.io", "acme/api", null, null],
  ["my_user/a.b-c__d", "docker.io", "my_user/a.b-c__d", null, null],
  ["localhost/api", "localhost", "api", null, null],
  ["localhost:5000/team/api:v1", "localhost:5000", "team/api", "v1", null],
  ["[::1]:5000/api", "[::1]:5000", "api", null, null],
  ["ghcr.io/acme/api:1@" + DIGEST, "ghcr.io", "acme/api", "1", DIGEST],
  ["Registry/api", "Registry", "api", null, null],
] as const) {
  test(`image ${text}`, () => {
    assert.deepEqual(parseImage(text), { registry, repository, tag, digest });
    assert.equal(explainImage(text), null);
  });
}

for (const [text, reason] of [
  ["", /empty/],
  ["Nginx", /lower case/],
  ["https://ghcr.io/a", /scheme/],
  ["nginx:", /tag/],
  ["nginx:a b", /white space/],
  ["nginx@sha256:12", /digest/],
  ["a//b", /name/],
  ["a/-b", /name/],
  ["ghcr.io/", /name/],
  ["-ghcr.io/a", /host name/],
  ["a".repeat(64), /image id/],
  [`${"a/".repeat(200)}a`, /255/],
  ["--upload-pack=x", /name/],
  ["nginx:1\u202e", /tag/],
] as const) {
  test(`image ${text.slice(0, 20)}… is refused with a reason`, () => {
    assert.equal(parseImage(text), null);
    assert.match(explainImage(text) ?? "", reason);
  });
}

const component = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/);
const host = fc.stringMatching(/^[a-z0-9]{1,8}\.[a-z]{2,5}(:[0-9]{1,5})?$/);
const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);

test("what is put together comes apart again", () => {
  fc.assert(
    fc.property(
      host,
      fc.array(component, { minLength: 1, maxLength: 4 }),
      fc.option(tag),
      fc.boolean(),
      (registry, parts, version, pinned) => {
        const text = `${registry}/${parts.join("/")}${version === null ? "" : `:${version}`}${pinned ? `@${DIGEST}` : ""}`;
        assert.deepEqual(parseImage(text), {
          registry,
          repository: parts.join("/"),
          tag: version,
          digest: pinned ? DIGEST : null,
        });
      },
    ),
  );
});

test("no text makes it throw, and normalised is a fixed point", () => {
  const near = fc.stringMatching(/^[a-zA-Z0-9./:@_[\]-]{0,40}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), near), (text) => {
      const image = parseImage(text);
      assert.equal(image === null, explainImage(text) !== null);
      if (image === null) return;
      const whole = `${image.registry}/${image.repository}${image.tag === null ? "" : `:${image.tag}`}${image.digest === null ? "" : `@${image.digest}`}`;
      assert.deepEqual(parseImage(whole), image);
    }),
    { numRuns: 1000 },
  );
});
