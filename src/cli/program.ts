import { Command, Option } from "commander";
import { describeVersion, VERSION } from "./version.ts";

/**
 * The command line (SPEC 8): every command with its options. What a command does is loaded only when it is called, so that
 * this is also cheap to read for the reference page and the completion.
 */
export function createProgram(): Command {
  const program = new Command("orun")
    .description("GitOps for plain Docker hosts: a push is a deploy, a revert is a rollback.")
    .version(VERSION, "-V, --version")
    .showHelpAfterError("(orun COMMAND --help shows what a command takes)")
    .exitOverride();

  program
    .command("init")
    .description("make a manifest repository: a first node, deployment and service; overwrites nothing")
    .argument("[folder]", "where; made when it does not exist", ".")
    .option("--node <name>", "the first node's name", "web-01")
    .option("--host <address>", "where ssh finds it")
    .option("--repo <url>", "the repository's URL, as the node sees it (default the remote 'origin')")
    .option("--domain <name>", "the host name that the first service answers to")
    .option(
      "--ci <kind>",
      "who runs 'orun validate' on a push: github (Gitea and Forgejo too), gitlab, none",
      "github",
    )
    .action(async (folder: string, options: Record<string, unknown>) => {
      const { init } = await import("./commands/init.ts");
      process.exitCode = await init(folder, options);
    });

  program
    .command("start")
    .description("run the agent: follow a repository and keep this host's containers in line with it")
    .option("--repo <url>", "the manifest repository: https, ssh, git@host:path, or a local path")
    .option("--branch <name>", "the branch to follow (default main)")
    .option("--node <name>", "the name of this node (default the host's name)")
    .option("--data-dir <dir>", "the agent's state (default /opt/orun)")
    .option("--code-dir <dir>", "where build contexts live (default /var/lib/orun/code)")
    .option("--poll-interval <duration>", "how often Git is asked (default 5s)")
    .option("--status-port <port>", "port of the status API on 127.0.0.1 (default 9100)")
    .option("--docker-host <url>", "the engine's socket (default unix:///var/run/docker.sock)")
    .option("--deploy-key <file>", "private key for ssh")
    .option("--known-hosts <file>", "known host keys for ssh")
    .option("--allow-insecure-git", "allow plain http to other hosts than this one")
    .option("--once", "make one full pass, wait until all has settled, and exit: 0 converged, 1 not")
    .option("--config <file>", "settings that flags override (default /etc/orun/agent.yaml)")
    .action(async (options: Record<string, unknown>) => {
      const { start } = await import("./commands/start.ts");
      process.exitCode = await start(options);
    });

  program
    .command("plan")
    .description(
      "show what a pass would do, field by field, and touch nothing: exit 0 none, 2 changes, 1 error",
    )
    .option("--repo <path>", "the repository's folder (default .)")
    .option("--node <name>", "the node (default the host's name)")
    .option("--branch <name>", "the branch that decides the environment (default main)")
    .option("--data-dir <dir>", "the agent's state, read only (default /opt/orun)")
    .option("--docker-host <url>", "the engine's socket")
    .option("--config <file>", "the settings (default /etc/orun/agent.yaml)")
    .action(async (options: Record<string, unknown>) => {
      const { planCommand } = await import("./commands/plan.ts");
      process.exitCode = await planCommand(options);
    });

  program
    .command("validate")
    .description("check every manifest of a repository: exit 0 or 1")
    .argument("[path]", "the repository's folder", ".")
    .option("--format <format>", "text, json or github", "text")
    .action(async (path: string, options: Record<string, unknown>) => {
      const { validate } = await import("./commands/validate.ts");
      process.exitCode = validate(path, options);
    });

  program
    .command("status")
    .description("show what the agents do, on this host or on the nodes: exit 0 when all is well, 1 when not")
    .option("--json", "everything that the agents say, for programs")
    .option("--watch", "again and again, until interrupted")
    .option("--node <name>", "of this node of the repository, over ssh")
    .option("--all", "of every node of the repository, over ssh, in one table")
    .option("--environment <name>", "of the agent for this environment, where a host has several")
    .option("--repo <path>", "the repository's folder, for --node and --all (default .)")
    .option("--timeout <duration>", "how long a node may take to answer, for --node and --all (default 10s)")
    .option("--status-port <port>", "port of the status API on this host (default 9100)")
    .option("--config <file>", "the settings (default /etc/orun/agent.yaml)")
    .addOption(new Option("--agent <node>", "of the agent that runs here as this node").hideHelp())
    .action(async (options: Record<string, unknown>) => {
      const { statusCommand } = await import("./commands/status.ts");
      process.exitCode = await statusCommand(options);
    });

  program
    .command("logs")
    .description("show a deployment's log, on this host or on a node")
    .argument("<name>", "the deployment")
    .option("-f, --follow", "go on as it grows, also with the containers of the next release")
    .option("--previous", "of the container before the present one, while it is kept")
    .option("--since <duration>", "only the last so long, such as 10m")
    .option("--json", "one JSON object a line: container, stream, time, text")
    .option("--node <name>", "on this node of the repository, over ssh")
    .option("--environment <name>", "of the agent for this environment, where a host has several")
    .option("--repo <path>", "the repository's folder, for --node (default .)")
    .option("--status-port <port>", "port of the status API on this host (default 9100)")
    .option("--docker-host <url>", "the engine's socket")
    .option("--config <file>", "the settings (default /etc/orun/agent.yaml)")
    .addOption(new Option("--agent <node>", "of the agent that runs here as this node").hideHelp())
    .addOption(new Option("--while-stdin", "end when standard input does").hideHelp())
    .action(async (name: string, options: Record<string, unknown>) => {
      const { logs } = await import("./commands/logs.ts");
      process.exitCode = await logs(name, options);
    });

  program
    .command("doctor")
    .description("look at everything that the agent on this host needs, and say what to do: exit 0 or 1")
    .option("--repo <url>", "the manifest repository")
    .option("--branch <name>", "the branch to follow (default main)")
    .option("--node <name>", "the name of this node (default the host's name)")
    .option("--data-dir <dir>", "the agent's state, read only (default /opt/orun)")
    .option("--status-port <port>", "port of the status API (default 9100)")
    .option("--docker-host <url>", "the engine's socket (default unix:///var/run/docker.sock)")
    .option("--deploy-key <file>", "private key for ssh")
    .option("--known-hosts <file>", "known host keys for ssh")
    .option("--allow-insecure-git", "allow plain http to other hosts than this one")
    .option("--config <file>", "settings that flags override (default /etc/orun/agent.yaml)")
    .action(async (options: Record<string, unknown>) => {
      const { doctor } = await import("./commands/doctor.ts");
      process.exitCode = await doctor(options);
    });

  program
    .command("bootstrap")
    .description("take a fresh Debian or Ubuntu host, reached by ssh alone, to a running agent")
    .argument("[file]", "the node's manifest, such as nodes/web-01.yaml; asked for and written when left out")
    .option("--upgrade", "also replace an orun of another version that is there")
    .option("--dry-run", "print every command and file, and change nothing")
    .option("--yes", "ask nothing; an unknown host key is then an error")
    .option(
      "--executable <file>",
      "the executable for the host (default this one, or orun-linux-ARCH beside it)",
    )
    .option(
      "--status-port <port>",
      "port of the agent's status API (default 9100, or the next one that is free)",
    )
    .action(async (file: string | undefined, options: Record<string, unknown>) => {
      const { bootstrap } = await import("./commands/bootstrap.ts");
      process.exitCode = await bootstrap(file, options);
    });

  program
    .command("uninstall")
    .description("take the agent off a host; what runs there goes on running")
    .argument("<file>", "the node's manifest, such as nodes/web-01.yaml")
    .option("--workloads", "also remove its containers and networks; volumes and data stay")
    .option("--dry-run", "print every command, and change nothing")
    .option("--yes", "ask nothing")
    .action(async (file: string, options: Record<string, unknown>) => {
      const { uninstall } = await import("./commands/uninstall.ts");
      process.exitCode = await uninstall(file, options);
    });

  program
    .command("schema")
    .description("print the JSON Schema of the manifests, for editors")
    .action(async () => {
      const { manifestJsonSchema } = await import("../manifest/json-schema.ts");
      process.stdout.write(`${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
    });

  program
    .command("version")
    .description("print version, commit and build date")
    .action(async () => {
      process.stdout.write(await describeVersion());
    });

  program
    .command("completion")
    .description("print a completion script")
    .argument("<shell>", "bash, zsh or fish")
    .action(async (shell: string) => {
      const { completion } = await import("./commands/completion.ts");
      process.exitCode = completion(
        shell,
        program.commands.map((command) => ({ name: command.name(), description: command.description() })),
      );
    });

  return program;
}
