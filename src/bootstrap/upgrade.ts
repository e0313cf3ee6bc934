/** The steps that put another executable in force (SPEC 9). */
import { folders } from "./layout.ts";
import type { Operation } from "./operation.ts";
import { upgradeScript } from "./upgrade-script.ts";

export const upgradeUnit = "orun-upgrade.service";
const upgradeResult = `${folders.executables}/upgrade.result`;
const stagedUnit = `${folders.executables}/orun@.service`;
const script = `${folders.executables}/upgrade.sh`;

/** Begins the switch as a unit of the host's own: nothing here is needed for it to end. `unit`: the new executable's unit text. */
export function upgradeOperations(executable: string, unit: string): Operation[] {
  const run = (argv: readonly string[], advice: string): Operation => ({
    kind: "run",
    argv,
    timeoutMs: 30_000,
    advice,
  });
  return [
    { kind: "write", path: script, mode: "0755", content: upgradeScript },
    { kind: "write", path: stagedUnit, mode: "0644", content: unit },
    run(["rm", "-f", upgradeResult], "Look at the disk."),
    run(
      [
        "systemd-run",
        `--unit=${upgradeUnit}`,
        "--description=Replace the orun executable",
        "--collect",
        "--no-block",
        "bash",
        script,
        executable,
        stagedUnit,
        upgradeResult,
      ],
      `Another upgrade may be under way on the host: systemctl status ${upgradeUnit}`,
    ),
  ];
}

/** Prints its result, or, while there is none, the state of the unit. */
export const upgradeOutcomeCommand: readonly string[] = [
  "sh",
  "-c",
  'if [ -e "$2" ]; then cat "$2"; else systemctl show --property ActiveState --value "$1"; fi',
  "orun-outcome",
  upgradeUnit,
  upgradeResult,
];

/** Reads what {@link upgradeOutcomeCommand} printed: null while it runs. */
export function parseUpgradeOutcome(output: string): { replaced: boolean; message: string } | null {
  if (/^(?:active|activating|inactive|deactivating)$/.test(output.trim())) return null;
  return { replaced: output.startsWith("done"), message: output.replace(/^(?:done|back): /, "").trim() };
}
