import { execFile } from "node:child_process";
import { isCheckout } from "./write-new.ts";

/** The URL of the remote `origin` of the checkout in a folder; null without one, and for one that only this machine can reach. */
export function originUrl(folder: string): Promise<string | null> {
  // Not that of a checkout around it, which git would look up.
  if (!isCheckout(folder)) return Promise.resolve(null);
  return new Promise((resolve) => {
    const args = ["-C", folder, "config", "--get", "remote.origin.url"];
    execFile("git", args, { timeout: 5000 }, (error, stdout) => {
      const url = stdout.trim();
      // A name and password in it do not belong into a file.
      const reachable = /^(https:\/\/[^@]+$|ssh:\/\/|[\w.-]+@[\w.-]+:)/.test(url);
      resolve(error === null && reachable ? url : null);
    });
  });
}
