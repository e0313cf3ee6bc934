/** The benchmarks are not run by `npm test`; that they load, and where their results go, is checked here. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { isMeasurement } from "../../bench/measurement.ts";
import { anonymousBytes, cpuMs } from "../../bench/process-cost.ts";
import { renderSection, replaceSection } from "../../bench/report.ts";
import { median, shownMiB, shownMs } from "../../bench/statistics.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const measurements = join(root, "test", "bench", "measurements");

suite("the benchmarks", () => {
  test("every measurement loads, and has its place on the page", async () => {
    const page = readFileSync(join(root, "docs", "benchmarks.md"), "utf8");
    for (const file of readdirSync(measurements)) {
      const loaded: unknown = await import(join(measurements, file));
      const exported = typeof loaded === "object" && loaded !== null && "measurement" in loaded;
      assert.ok(exported && isMeasurement(loaded.measurement), `${file} exports no measurement`);
      const name = file.replace(/\.ts$/, "");
      assert.match(page, new RegExp(`<!-- bench:${name} -->[^]*<!-- /bench:${name} -->`));
    }
  });

  test("a result replaces its own section and nothing else", () => {
    const page =
      "# Page\n\n<!-- bench:a -->\nold\n<!-- /bench:a -->\n\n<!-- bench:b -->\nb\n<!-- /bench:b -->\n";
    assert.equal(
      replaceSection(page, "a", "new"),
      "# Page\n\n<!-- bench:a -->\n\nnew\n\n<!-- /bench:a -->\n\n<!-- bench:b -->\nb\n<!-- /bench:b -->\n",
    );
    assert.equal(
      replaceSection("# Page\n", "c", "new"),
      "# Page\n\n<!-- bench:c -->\n\nnew\n\n<!-- /bench:c -->\n",
    );
    assert.throws(
      () => replaceSection("<!-- bench:a -->\nold\n", "a", "new"),
      /without '<!-- \/bench:a -->'/,
    );
  });

  test("a section is a heading, the method and a table", () => {
    const measurement = {
      title: "Speed",
      method: "By clock.",
      run: () => Promise.reject(new Error("not run")),
    };
    assert.equal(
      renderSection(measurement, { head: ["what", "time"], rows: [["a|b", "1 ms"]] }),
      "## Speed\n\nBy clock.\n\n| what | time |\n| --- | --- |\n| a\\|b | 1 ms |",
    );
  });

  test("numbers are summed up and shown with their unit", () => {
    assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
    assert.deepEqual([0.416, 182.6, 2412].map(shownMs), ["0.42 ms", "183 ms", "2.41 s"]);
    assert.equal(shownMiB(31_457_280), "30.0 MiB");
  });

  test("the kernel's books on this very process are read", () => {
    const before = cpuMs(process.pid);
    const end = process.cpuUsage().user + 50_000;
    while (process.cpuUsage().user < end) JSON.stringify(process.versions);
    assert.ok(cpuMs(process.pid) - before >= 40);
    assert.ok(anonymousBytes(process.pid) > 1024 * 1024);
  });
});
