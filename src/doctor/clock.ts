import { fail, type Finding, ok, warn } from "./finding.ts";
import { run } from "./run.ts";

const SYNCHRONISE =
  "Install a time service ('apt-get install systemd-timesyncd' or chrony) and look at 'timedatectl'.";

/**
 * Whether the clock can be right: certificates, registry logins and https stand on it.
 * @param now ms since the epoch, by this host's clock.
 * @param notBefore ms since the epoch of something that surely is in the past, such as this executable's build.
 */
export async function checkClock(now: number, notBefore: number): Promise<Finding> {
  const shown = new Date(now).toISOString().slice(0, 19);
  if (now < notBefore)
    return fail("clock", `it says ${shown} UTC, which is before this version of orun was made`, SYNCHRONISE);
  const answer = await run("timedatectl", ["show", "--property=NTPSynchronized", "--value"]);
  switch (answer?.code === 0 ? answer.output : "") {
    case "yes":
      return ok("clock", `${shown} UTC, synchronised`);
    case "no":
      return warn("clock", `it says ${shown} UTC, and nothing keeps it right`, SYNCHRONISE);
    default:
      return ok("clock", `${shown} UTC; whether something keeps it right is not known here`);
  }
}
