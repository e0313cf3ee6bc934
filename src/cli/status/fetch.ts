import { get } from "node:http";

const TIMEOUT_MS = 5000;
/** Far more than any agent says. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The status API's answer on this host, as text. Throws an error that says what to look at. */
export function fetchStatus(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void =>
      reject(
        new Error(
          `no agent answers on 127.0.0.1:${String(port)} (${cause.message}): is it running ('systemctl status orun'), and is --status-port right?`,
          { cause },
        ),
      );
    const outgoing = get({ host: "127.0.0.1", port, path: "/status", agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_BYTES) outgoing.destroy(new Error("the answer is larger than 64 MiB"));
        else chunks.push(chunk);
      });
      response.once("error", failed);
      response.once("end", () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
        else failed(new Error(`it answers ${String(response.statusCode)}`));
      });
    });
    // Of the whole answer: a timeout of the socket begins anew with every byte.
    const timer = setTimeout(() => outgoing.destroy(new Error("no answer within 5 s")), TIMEOUT_MS);
    outgoing.once("close", () => clearTimeout(timer));
    outgoing.once("error", failed);
  });
}
