/** What a fake container does once it runs. */
export interface Behaviour {
  /** Said at the start. */
  output: readonly { stream: "stdout" | "stderr"; text: string }[];
  /** Ends by itself so long after its start, ms; null: runs until it is stopped. */
  exitAfterMs: number | null;
  /** What it ends with by itself. */
  exitCode: number;
  /** From its start until it answers probes, ms; null: never. */
  readyAfterMs: number | null;
  /** SIGTERM does nothing: only SIGKILL ends it. */
  ignoresTerm: boolean;
  /** What a command run in it does. */
  exec: (command: readonly string[]) => { exitCode: number; output: string; takesMs: number };
}

/** A behaviour may depend on the container's environment, and on how often it was started before. */
export type Behave = (env: Readonly<Record<string, string>>, startedBefore: number) => Behaviour;

/** Serves at once and until it is stopped. */
export const serving: Behaviour = {
  output: [],
  exitAfterMs: null,
  exitCode: 0,
  readyAfterMs: 0,
  ignoresTerm: false,
  exec: () => ({ exitCode: 0, output: "", takesMs: 0 }),
};

/** The test bed's demonstration image: VERSION, READY_AFTER (s), NEVER_READY, EXIT_CODE steer it. */
export const demonstration: Behave = (env) => {
  const code = env["EXIT_CODE"] ?? "";
  return {
    ...serving,
    output: [{ stream: "stdout", text: `starting version ${env["VERSION"] ?? "1"}` }],
    exitAfterMs: code === "" ? null : 0,
    exitCode: Number(code),
    readyAfterMs: (env["NEVER_READY"] ?? "") === "" ? Number(env["READY_AFTER"] ?? 0) * 1000 : null,
  };
};
