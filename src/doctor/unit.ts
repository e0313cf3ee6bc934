import { fail, type Finding, ok, warn } from "./finding.ts";
import { run } from "./run.ts";

/** Whether systemd runs the agent, now and after a reboot. `unit` such as `orun@agent.service`. */
export async function checkUnit(unit: string): Promise<Finding> {
  const properties = ["LoadState", "ActiveState", "SubState", "UnitFileState", "NRestarts", "Result"];
  const answer = await run("systemctl", ["show", unit, `--property=${properties.join()}`]);
  if (answer?.code !== 0)
    return warn(
      "unit",
      "there is no systemd here that answers",
      "Something else has to start 'orun start' after a reboot, and again when it ends.",
    );
  const facts = new Map(
    answer.output.split("\n").map((line): [string, string] => {
      const [name = "", ...value] = line.split("=");
      return [name, value.join("=")];
    }),
  );
  const is = (name: string): string => facts.get(name) ?? "";
  if (is("LoadState") === "not-found")
    return warn(
      "unit",
      `${unit} is not installed`,
      "'orun bootstrap', run from the repository on your machine, installs it.",
    );
  if (is("ActiveState") !== "active")
    return fail(
      "unit",
      `${unit} is ${is("ActiveState")} (${is("SubState")}, last result: ${is("Result")}, restarted ${is("NRestarts")} times)`,
      `'journalctl -u ${unit} -n 50' says why; 'systemctl start ${unit}' starts it.`,
    );
  if (is("UnitFileState") !== "enabled")
    return warn(
      "unit",
      `${unit} runs, but does not start after a reboot (${is("UnitFileState")})`,
      `systemctl enable ${unit}`,
    );
  const restarts = Number(is("NRestarts"));
  return restarts > 0
    ? warn(
        "unit",
        `${unit} runs, restarted ${restarts} ${restarts === 1 ? "time" : "times"} since it was started`,
        `'journalctl -u ${unit} -p err' says why.`,
      )
    : ok("unit", `${unit} runs, and starts after a reboot`);
}
