import { emptyDeploymentMemory, type DeploymentMemory, type Memory } from "../state/memory.ts";

/** The agent's memory while it runs; every change is handed to `save`, which must be atomic and may coalesce. */
export interface MemoryStore {
  get(): Memory;
  deployment(name: string): DeploymentMemory;
  update(change: (memory: Memory) => Memory): void;
  updateDeployment(name: string, change: (memory: DeploymentMemory) => DeploymentMemory): void;
}

export function createMemoryStore(initial: Memory, save: (memory: Memory) => void): MemoryStore {
  let memory = initial;
  const update = (change: (memory: Memory) => Memory): void => {
    const next = change(memory);
    if (next === memory) return;
    memory = next;
    save(memory);
  };
  return {
    get: () => memory,
    deployment: (name) => memory.deployments[name] ?? emptyDeploymentMemory(),
    update,
    updateDeployment(name, change) {
      update((current) => {
        const before = current.deployments[name] ?? emptyDeploymentMemory();
        const after = change(before);
        return after === before
          ? current
          : { ...current, deployments: { ...current.deployments, [name]: after } };
      });
    },
  };
}
