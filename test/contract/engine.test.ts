import assert from "node:assert/strict";
import { connectEngine } from "../../src/docker/engine.ts";
import { startDockerd } from "../testbed/dockerd.ts";
import { api } from "../testbed/engine-api.ts";
import { demoImage } from "../testbed/images.ts";
import { type EngineSubject, engineSuite } from "./engine-suite.ts";

engineSuite("the engine port over a real Docker engine", async (): Promise<EngineSubject> => {
  const dockerd = await startDockerd();
  const image = "contract:1";
  await demoImage(dockerd.socket, { tag: image });
  const owner = { node: "contract", environment: "feature-x" };
  const known = new Set<string>();
  const engine = connectEngine({
    socketPath: dockerd.socket,
    owner,
    branch: "feature/x",
    isKnown: (id) => known.has(id),
  });
  const call = async (method: string, path: string, body?: unknown): Promise<string> => {
    const answer = await api(dockerd.socket, method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${String(answer.status)} ${answer.body}`);
    return answer.body;
  };
  const idIn = (text: string): string => {
    const match = /"Id":"((?:sha256:)?[0-9a-f]{64})"/.exec(text);
    assert.ok(match?.[1] !== undefined, text);
    return match[1];
  };
  return {
    engine,
    owner,
    image,
    known,
    human: {
      async run({ name, image: from, labels, hostPort }) {
        const network = (await engine.ensureNetwork(new AbortController().signal)).id;
        const created = await call("POST", `/containers/create?name=${name}`, {
          Image: from,
          Labels: labels,
          ExposedPorts: { "80/tcp": {} },
          HostConfig: {
            NetworkMode: network,
            PortBindings: hostPort === null ? {} : { "80/tcp": [{ HostPort: String(hostPort) }] },
          },
        });
        const id = idIn(created);
        await call("POST", `/containers/${id}/start`);
        return id;
      },
      stop: async (id) => {
        await call("POST", `/containers/${id}/stop?t=5`);
      },
      pause: async (id) => {
        await call("POST", `/containers/${id}/pause`);
      },
      rename: async (id, name) => {
        await call("POST", `/containers/${id}/rename?name=${name}`);
      },
      remove: async (id) => {
        await call("DELETE", `/containers/${id}?force=true`);
      },
      commit: async (id) => idIn(await call("POST", `/commit?container=${id}&repo=committed&tag=1`)),
    },
    async close() {
      engine.close();
      await dockerd.stop();
    },
  };
});
