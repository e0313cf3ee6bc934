/** Runs the tests: all of them, or those below the folders or files named as arguments (`npm test -- unit`). */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const asked = process.argv.slice(2);
const areas = asked.length > 0 ? asked : ["unit", "contract", "e2e"];
const patterns = areas.map((area) =>
  existsSync(join(root, area)) && area.endsWith(".ts") ? area : `test/${area}/**/*.test.ts`,
);
const child = spawn(
  process.execPath,
  [
    "--import",
    join(root, "test", "testbed", "property-seed.ts"),
    "--test",
    "--test-reporter=spec",
    // One file at a time: engines, agents and hosts of two files would meet in the host's ports, subnets and locks.
    "--test-concurrency=1",
    "--test-timeout=600000",
    ...patterns,
  ],
  { cwd: root, stdio: "inherit" },
);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.once("exit", (code) => {
  process.exitCode = code ?? 1;
});
