/** The folder beside the clone with what Git and ssh read instead of the user's and the system's configuration. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SourceSettings } from "../agent/source-port.ts";
import { SourceError, storageError } from "./errors.ts";
import { gitConfig } from "./git-config.ts";
import { sshConfig } from "./ssh-config.ts";
import type { Remote } from "./url.ts";

export interface SupportFolder {
  path: string;
  /** Git's global configuration: `$HOME/.gitconfig`, with `path` as HOME. */
  gitConfig: string;
  sshConfig: string;
  /** The program that Git runs as ssh. */
  sshProgram: string;
  controlSocket: string;
  remove(): Promise<void>;
}

/** ssh binds `<path>.<16 random characters>` first, and a socket's path may have 107 bytes. */
const maxSocketPath = 107 - 17;

/**
 * Makes the folder anew, mode 0700, wiping what an earlier run left.
 * @throws {SourceError} `storage`, or `refused-url` for a path that ssh's configuration cannot express.
 */
export async function makeSupportFolder(settings: SourceSettings, remote: Remote): Promise<SupportFolder> {
  const path = `${settings.cloneDir}.support`;
  try {
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { recursive: true, mode: 0o700 });
    const near = join(path, "c");
    const far = Buffer.byteLength(near) > maxSocketPath ? await mkdtemp(join(tmpdir(), "orun-")) : null;
    const folder: SupportFolder = {
      path,
      gitConfig: join(path, ".gitconfig"),
      sshConfig: join(path, "ssh_config"),
      sshProgram: join(path, "ssh"),
      controlSocket: far === null ? near : join(far, "c"),
      async remove() {
        await rm(path, { recursive: true, force: true });
        if (far !== null) await rm(far, { recursive: true, force: true });
      },
    };
    await writeFile(folder.gitConfig, gitConfig(remote), { mode: 0o600 });
    await writeFile(folder.sshConfig, sshConfig(settings, folder.controlSocket), { mode: 0o600 });
    await writeFile(folder.sshProgram, sshProgram, { mode: 0o700 });
    return folder;
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    throw storageError(`prepare the folder ${path}`, cause);
  }
}

/**
 * Git gives GIT_SSH no options of ours, and GIT_SSH_COMMAND and core.sshCommand are handed to a shell as text. So: a constant
 * program, started directly, in which nothing is interpolated; the one path it needs comes quoted from the environment.
 */
const sshProgram = '#!/bin/sh\nexec ssh -F "$ORUN_SSH_CONFIG" "$@"\n';
