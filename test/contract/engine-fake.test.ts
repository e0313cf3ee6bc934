import { type Behave, demonstration } from "../fakes/engine-behaviour.ts";
import { createFakeDocker } from "../fakes/engine.ts";
import { type EngineSubject, engineSuite } from "./engine-suite.ts";

/** As the demonstration image, with what the suite runs in it. */
const behave: Behave = (env, startedBefore) => ({
  ...demonstration(env, startedBefore),
  exec: (command) => {
    const line = command.join(" ");
    if (line.endsWith("sleep 60")) return { exitCode: 0, output: "", takesMs: 60_000 };
    const code = /exit (\d+)/.exec(line)?.[1] ?? "0";
    const words = [...line.matchAll(/echo (\w+)/g)].map((match) => `${match[1] ?? ""}\n`);
    return { exitCode: Number(code), output: words.join(""), takesMs: 0 };
  },
});

engineSuite("the engine port over the fake", (): Promise<EngineSubject> => {
  const docker = createFakeDocker();
  const image = "contract:1";
  docker.load(image, behave);
  const owner = { node: "contract", environment: "feature-x" };
  const known = new Set<string>();
  const { human } = docker;
  /** Hands of the fake are done at once. */
  const later =
    <A extends unknown[]>(work: (...given: A) => void) =>
    (...given: A): Promise<void> => {
      work(...given);
      return Promise.resolve();
    };
  return Promise.resolve({
    engine: docker.connect({ owner, branch: "feature/x", isKnown: (id) => known.has(id) }),
    owner,
    image,
    known,
    human: {
      run: (container) => Promise.resolve(human.run(container)),
      stop: later(human.stop),
      pause: later(human.pause),
      rename: later(human.rename),
      remove: later(human.remove),
      commit: (id) => Promise.resolve(human.commit(id)),
    },
    close: () => Promise.resolve(),
  });
});
