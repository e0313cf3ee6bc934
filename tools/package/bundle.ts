/** All of orun and its libraries in one file of JavaScript. */
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { build, type Plugin } from "esbuild";
import type { Build } from "./build.ts";

/** Writes the bundle to `file`. It depends on nothing but the sources, the lock file and `about`. */
export async function bundle(
  root: string,
  file: string,
  about: Pick<Build, "version" | "commit" | "date">,
): Promise<void> {
  const { version, commit, date } = about;
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [join("src", "cli", "main.ts")],
    outfile: file,
    write: false,
    bundle: true,
    // The runtime keeps the text in memory. Names stay, for the traces of defects.
    minifyWhitespace: true,
    minifySyntax: true,
    plugins: [httpWithoutFetch, oneLanguage],
    platform: "node",
    format: "esm",
    target: "node26",
    define: {
      ORUN_BUILD: JSON.stringify({ version, commit, date }),
      // ES modules have neither; write-file-atomic makes the names of its temporary files from the first.
      __filename: JSON.stringify("/orun"),
      __dirname: JSON.stringify("/"),
    },
    // Some libraries are CommonJS and ask for Node's own modules by require.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire("file:///orun");',
    },
    legalComments: "inline",
    logLevel: "warning",
  });
  const text = outputFiles[0]?.text ?? "";
  writeFileSync(file, text.replace(/[^\x00-\x7f]/g, escaped));
}

/** Importing node:http as an ES module loads all of fetch and WebSocket too, 7 MiB of memory that nothing here uses. */
const httpWithoutFetch: Plugin = {
  name: "http-without-fetch",
  setup(setting) {
    setting.onResolve({ filter: /^node:http$/ }, ({ path, namespace }) =>
      namespace === "lean" ? { path, external: true } : { path, namespace: "lean" },
    );
    setting.onLoad({ filter: /.*/, namespace: "lean" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      loader: "js",
    }));
  },
};

/** Of the messages that zod has in some fifty languages, the English ones are imported by themselves. */
const oneLanguage: Plugin = {
  name: "one-language",
  setup(setting) {
    setting.onLoad({ filter: /[/]zod[/]v4[/]locales[/]index[.]js$/ }, () => ({ contents: "export {};" }));
  },
};

/** A single character beyond Latin-1 would double the whole text in memory; what esbuild leaves is in regular expressions. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
