/** How far a command that changes a host may go on its own. */
export interface Consent {
  terminal: boolean;
  yes: boolean;
  dryRun: boolean;
}

/** Reads `--yes` and `--dry-run`. Throws where neither is given and nobody can be asked. */
export function readConsent(options: Record<string, unknown>): Consent {
  const terminal = process.stdin.isTTY && process.stdout.isTTY;
  const yes = options["yes"] === true;
  const dryRun = options["dryRun"] === true;
  if (!terminal && !yes && !dryRun)
    throw new Error(
      "nobody can be asked here, as this is no terminal: give --yes to go on without questions",
    );
  return { terminal, yes, dryRun };
}
