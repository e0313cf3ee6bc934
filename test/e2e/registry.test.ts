/** Registries that refuse, vanish, lie or move their tags (FAULTS 26 to 31), and what becomes of images that are not needed any more. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { api, mustApi } from "../testbed/engine-api.ts";
import { startEngineProxy, type EngineProxy } from "../testbed/engine-proxy.ts";
import { demoImage, pushImage } from "../testbed/images.ts";
import { web } from "../testbed/manifests.ts";
import type { Registry } from "../testbed/registry.ts";
import { mended } from "../testbed/fault-report.ts";
import { openSandbox } from "../testbed/sandbox.ts";
import { openStage, type Stage } from "../testbed/stage.ts";
import { until } from "../testbed/wait.ts";

const app = "deployments/app.yaml";

describe("images from a registry", () => {
  const box = openSandbox({ after });
  let stage: Stage;
  let proxy: EngineProxy;
  let open: Registry;
  let locked: Registry;
  let folder = "";

  /** An image of its own, only in the registry: `version` is its content and its tag. */
  const publish = async (registry: Registry, version: string, tag = version): Promise<string> => {
    const { socket } = stage.engine;
    const local = `local:${version}`;
    await demoImage(socket, { tag: local, mark: version });
    const digest = await pushImage(socket, local, `${registry.host}/app:${tag}`, registry.auth);
    await mustApi(socket, "DELETE", `/images/${local}?force=true`);
    return digest;
  };
  /** Puts a list of platforms under a tag that has none but another architecture's. */
  const publishForOthers = async (version: string): Promise<void> => {
    const url = `http://${open.host}/v2/app/manifests/${version}`;
    const type = "application/vnd.docker.distribution.manifest.v2+json";
    const manifest = Buffer.from(await (await fetch(url, { headers: { accept: type } })).arrayBuffer());
    const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
    const platform = { os: "linux", architecture: process.arch === "arm64" ? "amd64" : "arm64" };
    const list = "application/vnd.docker.distribution.manifest.list.v2+json";
    const manifests = [{ mediaType: type, size: manifest.length, digest, platform }];
    const body = JSON.stringify({ schemaVersion: 2, mediaType: list, manifests });
    const answer = await fetch(url, { method: "PUT", headers: { "content-type": list }, body });
    assert.ok(answer.ok, `the registry took the list: ${String(answer.status)}`);
  };
  const release = async (version: string, image = `${open.host}/app:${version}`): Promise<void> => {
    await stage.push({ [app]: web("app", version, { image, deadline: "60s" }) });
  };
  const login = (config: unknown): void => {
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  };
  const has = async (reference: string): Promise<boolean> =>
    (await api(stage.engine.socket, "GET", `/images/${reference}/json`)).status === 200;
  /** A commit that changes no deployment: a whole pass, with its clean-up at the end. */
  const pass = async (): Promise<void> => {
    await stage.push({ "README.md": String(performance.now()) });
    await stage.inForce();
  };

  before(async () => {
    folder = box.folder();
    open = await box.registry();
    locked = await box.registry({ auth: true });
    mkdirSync(join(folder, "bin"));
    stage = await openStage(box, {
      images: ["demo:1"],
      env: { DOCKER_CONFIG: folder, PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}` },
      socket: async (engine) => {
        const expectations = { node: "test", environment: "production", recreate: [], gone: ["other"] };
        proxy = await startEngineProxy(engine.socket, expectations);
        box.defer(() => proxy.stop());
        return proxy.socket;
      },
    });
    stage.launch();
  });

  it("are pulled once, and pinned by their digest", async () => {
    const digest = await publish(open, "1");
    await release("1");
    const { Id } = await stage.serves("app", "1");
    const { Config } = z.object({ Config: z.object({ Image: z.string() }) }).parse(await stage.inspect(Id));
    assert.equal(Config.Image, `${open.host}/app@${digest}`);
  });

  it("stay what they are when the tag moves: not asked for, and the old content comes back after a loss", async () => {
    const [was] = await stage.of("app");
    await publish(open, "moved", "1");
    const asked = open.requests.length;
    await pass();
    await stage.agent().end("SIGTERM");
    stage.launch();
    await stage.agent().state("app", "running");
    assert.deepEqual(open.requests.slice(asked), []);
    assert.equal((await stage.of("app"))[0]?.Id, was?.Id);
    // Container and image lost: the digest, not the tag, is what is pulled.
    await stage.agent().end("SIGTERM");
    await mustApi(stage.engine.socket, "DELETE", `/containers/${was?.Id ?? ""}?force=true`);
    await mustApi(stage.engine.socket, "DELETE", `/images/${was?.ImageID ?? ""}?force=true`);
    stage.launch();
    const healed = await stage.serves("app", "1");
    assert.equal(healed.ImageID, was?.ImageID);
  });

  it("are asked for with backoff while the registry is down, limits or fails; the old version serves", async () => {
    await publish(open, "2");
    const [was] = await stage.of("app");
    for (const [fault, words] of [
      [{ kind: "reset" }, /app:2/],
      [{ kind: "status", status: 503 }, /503/],
      [{ kind: "status", status: 429, retryAfter: 1 }, /TOOMANYREQUESTS|toomanyrequests|429/],
    ] as const) {
      open.fault(fault);
      await release("2");
      await stage.told("app", "held", words);
      assert.equal(await stage.answer("app"), "version 1");
      assert.equal((await stage.of("app"))[0]?.Id, was?.Id);
    }
    open.fault(null);
    await mended("Registry", "down, 503, 429", () => stage.serves("app", "2"));
  });

  it("broken in transfer: refused, and taken once they are whole", async () => {
    await publish(open, "3");
    open.fault({ kind: "corrupt" });
    await release("3");
    await stage.told("app", "held", /app:3/);
    assert.equal(await stage.answer("app"), "version 2");
    open.fault(null);
    await mended("Registry", "layers broken in transfer", () => stage.serves("app", "3"));
  });

  it("of another architecture: held, and said", async () => {
    await publish(open, "foreign");
    await publishForOthers("foreign");
    await release("foreign");
    await stage.told("app", "held", /no matching manifest.*publish the image for this architecture/);
    assert.equal(await stage.answer("app"), "version 3");
  });

  it("behind a login: config.json, then a credential helper; without one the status says what to do", async () => {
    await publish(locked, "4");
    const [was] = await stage.of("app");
    login({});
    await release("4", `${locked.host}/app:4`);
    await stage.told("app", "held", /docker login/);
    assert.equal((await stage.of("app"))[0]?.Id, was?.Id);
    const { user, password } = locked.auth ?? { user: "", password: "" };
    login({ auths: { [locked.host]: { auth: Buffer.from(`${user}:${password}`).toString("base64") } } });
    // The failure is a person's to mend, so the next try may be a while away: a push is one at once.
    await stage.push({ [app]: web("app", "4", { image: `${locked.host}/app:4`, deadline: "61s" }) });
    await stage.serves("app", "4");
    await publish(locked, "5");
    const helper = join(folder, "bin", "docker-credential-testbed");
    writeFileSync(
      helper,
      `#!/bin/sh\nread -r server\n[ "$1" = get ] && [ "$server" = "${locked.host}" ] && echo '${JSON.stringify({ ServerURL: locked.host, Username: user, Secret: password })}'\n`,
    );
    chmodSync(helper, 0o755);
    login({ credHelpers: { [locked.host]: "testbed" } });
    await release("5", `${locked.host}/app:5`);
    await stage.serves("app", "5");
    const shown = JSON.stringify(await stage.agent().status()) + stage.agent().output();
    assert.equal(shown.includes(password), false);
  });

  it("pruned by somebody in the middle of a rollout are pulled again", async () => {
    await publish(open, "6");
    const prune = async (): Promise<void> => {
      const all = encodeURIComponent('{"dangling":["false"]}');
      await mustApi(stage.engine.socket, "POST", `/images/prune?filters=${all}`);
    };
    // Between the pull and the container that it is for.
    await proxy.fault({
      kind: "interrupt",
      match: ({ method, path }) => method === "POST" && path === "/containers/create",
      meanwhile: prune,
    });
    const pulls = proxy.calls().filter((call) => call.path === "/images/create").length;
    await release("6");
    await mended("Registry", "images pruned in the middle of a rollout", () => stage.serves("app", "6"));
    assert.equal(proxy.hits(), 1);
    await proxy.fault(null);
    assert.equal(proxy.calls().filter((call) => call.path === "/images/create").length - pulls, 2);
  });

  it("that nothing needs any more are removed: only its own, and never the last good one", async () => {
    const { socket } = stage.engine;
    const digests: Record<string, string> = {};
    for (const version of ["7", "8", "9"]) digests[version] = await publish(open, version);
    // One was here before, pulled by a person; another gets a name from a person while it is in use.
    await mustApi(socket, "POST", `/images/create?fromImage=${open.host}/app&tag=7`);
    await release("7");
    await stage.serves("app", "7");
    const eight = `${open.host}/app@${digests["8"] ?? ""}`;
    await release("8", eight);
    await stage.serves("app", "8");
    await mustApi(socket, "POST", `/images/${eight}/tag?repo=${open.host}/app&tag=precious`);
    await release("9");
    await stage.serves("app", "9");
    const local = "demo:1";
    await demoImage(socket, { tag: local });
    await release("10", local);
    await stage.serves("app", "10");
    await release("11", local);
    await stage.serves("app", "11");
    const nine = `${open.host}/app@${digests["9"] ?? ""}`;
    await until(
      "the one that nothing needs is gone",
      async () => {
        await pass();
        return !(await has(nine));
      },
      60_000,
    );
    assert.ok(await has(`${open.host}/app:7`), "it was here before");
    assert.ok(await has(`${open.host}/app:precious`), "a person gave it a name");
    assert.ok(await has(eight), "and so it stays as a whole");
    assert.ok(await has(local));
  });

  it("of the version before stay, so that a revert needs no registry", async () => {
    await publish(open, "12");
    await publish(open, "13");
    for (const version of ["12", "13"]) {
      await release(version);
      await stage.serves("app", version);
    }
    await pass();
    open.fault({ kind: "reset" });
    await release("12");
    await stage.serves("app", "12");
    open.fault(null);
  });

  it("has broken no invariant on the way", () => {
    assert.deepEqual(proxy.violations, []);
  });
});
