import { fail, type Finding, ok } from "./finding.ts";
import { run } from "./run.ts";

/** The programs of the system that the agent uses, with their versions. `ssh`: the repository is reached by it. */
export async function checkPrograms(ssh: boolean): Promise<Finding> {
  const wanted: { name: string; version: string; package: string }[] = [
    { name: "git", version: "--version", package: "git" },
    ...(ssh ? [{ name: "ssh", version: "-V", package: "openssh-client" }] : []),
    { name: "flock", version: "--version", package: "util-linux" },
    { name: "setpriv", version: "--version", package: "util-linux" },
  ];
  const answers = await Promise.all(
    wanted.map(async (one) => ({ ...one, answer: await run(one.name, [one.version]) })),
  );
  const missing = answers.filter(({ answer }) => answer?.code !== 0);
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((one) => one.package))].join(" ");
    return fail(
      "programs",
      `${missing.map(({ name }) => `'${name}'`).join(" and ")} cannot be run`,
      `apt-get install ${packages}`,
    );
  }
  return ok("programs", answers.map(({ answer }) => answer?.output.split("\n")[0] ?? "").join("; "));
}
