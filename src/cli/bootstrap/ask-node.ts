import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { stringify } from "yaml";
import { gitHostOf } from "../../bootstrap/git-host.ts";
import { API_VERSION } from "../../manifest/resource.ts";
import { originUrl } from "../init/origin-url.ts";
import { writeNew } from "../init/write-new.ts";

/** Asks for a new node on the terminal, and writes `nodes/NAME.yaml`. Answers with its path; throws when it is given up. */
export async function askForNode(): Promise<string> {
  // Loaded only here: nothing else asks.
  const { group, intro, outro, text } = await import("@clack/prompts");
  const origin = await originUrl(".");
  const branch = currentBranch();
  intro("A new node");
  const answers = await group(
    {
      name: () =>
        text({
          message: "Its name",
          placeholder: "web-01",
          validate: (value) =>
            /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value ?? "")
              ? existsSync(`nodes/${value ?? ""}.yaml`)
                ? `nodes/${value ?? ""}.yaml exists: run orun bootstrap nodes/${value ?? ""}.yaml`
                : undefined
              : "lower-case letters, digits and dashes",
        }),
      host: () => text({ message: "Its address for ssh", placeholder: "203.0.113.10", validate: required }),
      port: () => text({ message: "Its port for ssh", initialValue: "22", validate: aPort }),
      user: () =>
        text({
          message: "User for ssh (another than root needs sudo)",
          initialValue: "root",
          validate: required,
        }),
      key: () =>
        text({
          message: "Private key for ssh, on this machine",
          initialValue: "~/.ssh/id_ed25519",
          validate: required,
        }),
      repo: () =>
        text({
          message: "URL of this repository, as the node sees it",
          ...(origin === null ? {} : { initialValue: origin }),
          validate: aRepository,
        }),
      branch: () => text({ message: "Branch that it follows", initialValue: branch, validate: required }),
    },
    {
      onCancel: () => {
        throw new Error("stopped; nothing was written");
      },
    },
  );
  const path = `nodes/${answers.name}.yaml`;
  const spec = {
    host: answers.host,
    ...(answers.port === "22" ? {} : { sshPort: Number(answers.port) }),
    ...(answers.user === "root" ? {} : { user: answers.user }),
    ...(answers.key === "~/.ssh/id_ed25519" ? {} : { sshKeyPath: answers.key }),
    gitRepo: answers.repo,
    ...(answers.branch === "main" ? {} : { gitBranch: answers.branch }),
  };
  const document = { apiVersion: API_VERSION, kind: "Node", metadata: { name: answers.name }, spec };
  writeNew(".", [{ path, text: stringify(document) }]);
  outro(`${path} is written: commit and push it.`);
  return path;
}

function required(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === "" || value.startsWith("-") ? "this is needed" : undefined;
}

function aPort(value: string | undefined): string | undefined {
  const port = Number(value);
  return Number.isInteger(port) && port > 0 && port < 65536 ? undefined : "a port from 1 to 65535";
}

function aRepository(value: string | undefined): string | undefined {
  try {
    gitHostOf(value ?? "");
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function currentBranch(): string {
  try {
    return execFileSync("git", ["symbolic-ref", "--short", "HEAD"], {
      encoding: "utf8",
      stdio: "pipe",
    }).trim();
  } catch {
    return "main";
  }
}
