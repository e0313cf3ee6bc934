import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { api } from "./dockerd.ts";

/**
 * A web server steered by its environment: VERSION is what it answers, READY_AFTER (s) until /health answers 200,
 * NEVER_READY, EXIT_CODE ends it at the start, PORT. SIGTERM ends it at once.
 */
const SCRIPT = `#!/bin/sh
b=/bin/busybox
trap 'exit 0' TERM
echo "starting version $VERSION"
if [ -n "$EXIT_CODE" ]; then echo "boom: this version cannot start"; exit "$EXIT_CODE"; fi
$b mkdir -p /www
echo "version $VERSION" > /www/index.html
$b httpd -f -p "$PORT" -h /www &
if [ -n "$READY_AFTER" ]; then $b sleep "$READY_AFTER" & wait $!; fi
[ -z "$NEVER_READY" ] && echo ok > /www/health
while true; do $b sleep 3600 & wait $!; done
`;

/** Builds the demonstration image in the engine, from nothing but busybox, under each of the tags. */
export async function buildDemoImage(socket: string, tags: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "orun-image-"));
  try {
    mkdirSync(join(folder, "bin"));
    copyFileSync("/bin/busybox", join(folder, "bin", "busybox"));
    copyFileSync("/bin/busybox", join(folder, "bin", "sh"));
    writeFileSync(join(folder, "run.sh"), SCRIPT);
    chmodSync(join(folder, "run.sh"), 0o755);
    for (const tag of tags) {
      writeFileSync(
        join(folder, "Dockerfile"),
        `FROM scratch\nCOPY bin /bin\nCOPY run.sh /run.sh\nLABEL demo=${tag.replace(/[^a-z0-9]/g, "-")}\nENV VERSION=1 PORT=80\nENTRYPOINT ["/run.sh"]\n`,
      );
      const tar = execFileSync("tar", ["-C", folder, "-c", "."], { maxBuffer: 64 * 1024 * 1024 });
      const answer = await api(
        socket,
        "POST",
        `/build?forcerm=1&t=${encodeURIComponent(tag)}`,
        tar,
        "application/x-tar",
      );
      if (answer.status !== 200 || answer.body.includes('"error"'))
        throw new Error(`the demonstration image could not be built: ${answer.body.slice(-500)}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
