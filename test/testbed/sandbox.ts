/** What one test needs for itself, and gives back at its end: folders, ports, engines. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Dockerd, type DockerdOptions, startDockerd } from "./dockerd.ts";
import { freePort } from "./free-port.ts";
import { type Registry, type RegistryOptions, startRegistry } from "./registry.ts";

/** A test's context, or `{ after }` of node:test for a whole suite. */
export interface Lifetime {
  after(dispose: () => Promise<void>): void;
}

export interface Sandbox {
  /** A new, empty temporary folder. */
  folder(): string;
  /** A loopback TCP port that was free a moment ago. */
  freePort(): Promise<number>;
  /** An engine of this test's own, to be restarted, killed or filled at will. */
  dockerd(options?: DockerdOptions): Promise<Dockerd>;
  /** The socket of the engine that the whole run shares; a test names what it makes there after itself, and removes it. */
  sharedEngine(): Promise<string>;
  /** A registry of this test's own. */
  registry(options?: RegistryOptions): Promise<Registry>;
  /** `host:port` of the registry that the whole run shares. */
  sharedRegistry(): Promise<string>;
  /** Has something undone at the end: last in, first out, and all of it even when one fails. */
  defer(dispose: () => unknown): void;
}

/** Opens one; everything from it is disposed of after the test, in reverse order. */
export function openSandbox(lifetime: Lifetime): Sandbox {
  const disposals: (() => unknown)[] = [];
  const defer = (dispose: () => unknown): void => {
    disposals.push(dispose);
  };
  lifetime.after(() => disposeAll(disposals));
  const dockerd = async (options?: DockerdOptions): Promise<Dockerd> => {
    const engine = await startDockerd(options);
    defer(() => engine.stop());
    return engine;
  };
  const registry = async (options?: RegistryOptions): Promise<Registry> => {
    const started = await startRegistry(options);
    defer(() => started.stop());
    return started;
  };
  return {
    defer,
    dockerd,
    registry,
    freePort,
    folder() {
      const path = mkdtempSync(join(tmpdir(), "orun-test-"));
      defer(() => rmSync(path, { recursive: true, force: true }));
      return path;
    },
    // Set by tools/test.ts; a file run by hand starts its own.
    sharedEngine: async () =>
      process.env["ORUN_TEST_DOCKER_HOST"]?.replace(/^unix:\/\//, "") ?? (await dockerd()).socket,
    sharedRegistry: async () => process.env["ORUN_TEST_REGISTRY"] ?? (await registry()).host,
  };
}

async function disposeAll(disposals: (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (let dispose = disposals.pop(); dispose !== undefined; dispose = disposals.pop()) {
    try {
      await dispose();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "several things could not be cleaned up");
}
