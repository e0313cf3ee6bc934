/**
 * Loaded before every test file: property tests draw the same cases in every run, so that a red one belongs to the change at
 * hand. `ORUN_SEED=random npm test -- unit` draws new ones; a number repeats a run.
 */
import fc from "fast-check";

const asked = process.env["ORUN_SEED"] ?? "20261125";
if (asked !== "random") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(asked) });
