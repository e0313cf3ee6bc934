/** Images for tests and the demo, made from nothing but a static busybox: nothing is pulled. */
import { staticBusybox } from "./busybox.ts";
import { mustApi } from "./engine-api.ts";
import { loadImage } from "./image-archive.ts";

/**
 * A web server steered by its environment. `/` answers "version $VERSION", `/health` 200 once ready, else 404. Times in s.
 *
 * - VERSION, PORT (80)
 * - READY_AFTER: /health is 404 for so long; NEVER_READY: for ever; UNREADY_AFTER: 404 again after so long
 * - EXIT_CODE: prints why and exits with it at the start; with EXIT_AFTER (code 1 by default) after so long
 * - IGNORE_TERM: SIGTERM does nothing; STOP_AFTER: takes so long to end after SIGTERM
 */
const SCRIPT = `#!/bin/sh
if [ -n "$IGNORE_TERM" ]; then trap '' TERM
elif [ -n "$STOP_AFTER" ]; then trap 'echo "stopping"; sleep "$STOP_AFTER"; exit 0' TERM
else trap 'exit 0' TERM
fi
echo "starting version $VERSION"
if [ -n "$EXIT_CODE" ] && [ -z "$EXIT_AFTER" ]; then
  echo "boom: this version cannot start"
  exit "$EXIT_CODE"
fi
mkdir -p /www
echo "version $VERSION" > /www/index.html
httpd -f -p "$PORT" -h /www &
if [ -n "$EXIT_AFTER" ]; then
  ( sleep "$EXIT_AFTER"; echo "boom: this version crashes"; kill -USR1 1 ) &
  trap 'exit "\${EXIT_CODE:-1}"' USR1
fi
if [ -n "$READY_AFTER" ]; then
  sleep "$READY_AFTER" &
  wait $!
fi
[ -n "$NEVER_READY" ] || echo ok > /www/health
if [ -n "$UNREADY_AFTER" ]; then
  ( sleep "$UNREADY_AFTER"; rm -f /www/health ) &
fi
while true; do
  sleep 3600 &
  wait $!
done
`;

/** Programs that the script, probes and people's `docker exec` find in the image. */
const APPLETS = [
  "sh",
  "cat",
  "echo",
  "false",
  "httpd",
  "kill",
  "ls",
  "mkdir",
  "nc",
  "nslookup",
  "ps",
  "rm",
  "sleep",
  "test",
  "touch",
  "true",
  "wget",
];

export interface DemoImage {
  /** Reference to load it under: `demo:1`. */
  tag: string;
  /** Environment given to the image, see above; a container's own goes over it. Default: VERSION=1, PORT=80. */
  env?: Record<string, string>;
  /** Labels of the image. Two images that differ in nothing are one. */
  labels?: Record<string, string>;
  /** Text of a file in it, so that its layer is like no other. */
  mark?: string;
}

/** Loads the image into the engine and returns its id (sha256:…). The same image always has the same id. */
export async function demoImage(socket: string, image: DemoImage): Promise<string> {
  return await loadImage(socket, {
    tag: image.tag,
    files: [
      { path: "bin/busybox", content: staticBusybox(), mode: 0o755 },
      ...APPLETS.map((name) => ({ path: `bin/${name}`, content: { link: "busybox" }, mode: 0o777 })),
      { path: "run.sh", content: Buffer.from(SCRIPT), mode: 0o755 },
      ...(image.mark === undefined ? [] : [{ path: "mark", content: Buffer.from(image.mark), mode: 0o644 }]),
    ],
    config: {
      Env: Object.entries({ PATH: "/bin", VERSION: "1", PORT: "80", ...image.env }).map(
        ([name, value]) => `${name}=${value}`,
      ),
      Entrypoint: ["/run.sh"],
      Labels: { demo: image.tag, ...image.labels },
    },
  });
}

/**
 * Tags a local image as `target` (`127.0.0.1:5000/demo:1`), pushes it, and returns its digest (sha256:…) in the registry.
 * The tag is taken away again from the engine, so that a pull has something to do.
 */
export async function pushImage(
  socket: string,
  local: string,
  target: string,
  auth: { user: string; password: string } | null = null,
): Promise<string> {
  const colon = target.lastIndexOf(":");
  const [repository, tag] = [target.slice(0, colon), target.slice(colon + 1)];
  await mustApi(socket, "POST", `/images/${local}/tag?repo=${encodeURIComponent(repository)}&tag=${tag}`);
  const credentials = auth === null ? {} : { username: auth.user, password: auth.password };
  const answer = await mustApi(socket, "POST", `/images/${repository}/push?tag=${tag}`, undefined, "", {
    "x-registry-auth": Buffer.from(JSON.stringify(credentials)).toString("base64"),
  });
  const digest = /"Digest":"(sha256:[0-9a-f]{64})"/.exec(answer)?.[1];
  if (digest === undefined || answer.includes('"error"'))
    throw new Error(`the engine could not push ${target}: ${answer.slice(-1000)}`);
  await mustApi(socket, "DELETE", `/images/${target}`);
  return digest;
}
