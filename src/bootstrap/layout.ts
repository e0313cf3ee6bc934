/** Where everything that bootstrap puts on a host lies. Several environments on one host share the executable and the unit. */
import { configPath } from "./unit.ts";

export const folders = {
  executables: "/usr/local/lib/orun",
  configuration: "/etc/orun",
  /** Registry logins: a sandboxed agent does not see root's home. */
  registryLogins: "/etc/orun/docker",
} as const;

/** What people and the unit call: a link to the executable in force, switched by renaming. */
export const link = "/usr/local/bin/orun";
export const engineConfiguration = "/etc/docker/daemon.json";

/** The file of an executable with this content: two versions lie beside each other. */
export function executablePath(sha256: string): string {
  return `${folders.executables}/orun-${sha256.slice(0, 12)}`;
}

/** The instance of the unit for an environment; production's reads /etc/orun/agent.yaml, as `orun` without a flag does. */
export function instanceOf(environment: string): string {
  if (environment === "production") return "agent";
  return environment === "agent" ? "agent-branch" : environment;
}

export interface InstancePaths {
  configuration: string;
  deployKey: string;
  knownHosts: string;
  /** Of the unit's drop-in for a `dataDir` elsewhere. */
  dropInFolder: string;
  dropIn: string;
}

/** The files of one environment's agent. */
export function instancePaths(environment: string): InstancePaths {
  const instance = instanceOf(environment);
  const dropInFolder = `/etc/systemd/system/orun@${instance}.service.d`;
  return {
    configuration: configPath(instance),
    deployKey: `${folders.configuration}/${instance}.key`,
    knownHosts: `${folders.configuration}/${instance}.known_hosts`,
    dropInFolder,
    dropIn: `${dropInFolder}/paths.conf`,
  };
}
