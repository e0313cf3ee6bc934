/** Asking for the branch head over HTTP(S) without a subprocess: gitprotocol-http(5), one request per poll. */
import type { HeadResult, SourceSettings } from "../agent/source-port.ts";
import { failure, quoteForPeople } from "./diagnose.ts";
import { basicAuthorization } from "./git-command.ts";
import { BodyTooLarge, createHttpClient, type HttpAnswer } from "./http-request.ts";
import {
  branchInAnswer,
  branchInRefs,
  lsRefsRequest,
  type ObjectFormat,
  parseAdvertisement,
  RemoteMessage,
} from "./ls-refs.ts";
import { createPacketDecoder, type Packet, PktLineError } from "./pkt-line.ts";
import type { Remote } from "./url.ts";

export interface HttpHead {
  /**
   * The branch head; null when the server answers something unexpected, so that Git itself should ask.
   * @throws {SourceError} `unreachable`, `auth`, `not-found`; the signal's reason.
   */
  head(signal: AbortSignal): Promise<HeadResult | null>;
  close(): void;
}

/** An advertisement of version 0 lists every ref of the repository. */
const maxAdvertisementBytes = 16 * 1024 * 1024;
const maxAnswerBytes = 1024 * 1024;

/** A poller for one branch. It remembers what the server can do until a request fails. */
export function createHttpHead(settings: SourceSettings, remote: Remote & { kind: "http" }): HttpHead {
  const client = createHttpClient(remote.secure);
  const doing = `asking ${remote.url} for branch ${settings.branch}`;
  const authorization = basicAuthorization(remote.credentials);
  const common: Record<string, string> = { "Git-Protocol": "version=2", "User-Agent": "git/orun" };
  if (authorization !== null) common["Authorization"] = authorization;
  let known: ObjectFormat | null = null;

  const discover = async (signal: AbortSignal): Promise<ObjectFormat | HeadResult> => {
    const url = `${remote.url}/info/refs?service=git-upload-pack`;
    const headers = { ...common, Accept: "*/*", "Cache-Control": "no-cache" };
    const request = { url, headers, body: null, maxBodyBytes: maxAdvertisementBytes };
    const answer = await client.exchange(request, signal);
    const advertised = parseAdvertisement(
      withoutServiceLine(packetsOf(answer, "application/x-git-upload-pack-advertisement", doing)),
    );
    if (advertised.version === 2) return advertised.objectFormat;
    return branchInRefs(advertised.refs, settings.branch);
  };

  const ask = async (format: ObjectFormat, signal: AbortSignal): Promise<HeadResult> => {
    const headers = {
      ...common,
      "Content-Type": "application/x-git-upload-pack-request",
      Accept: "application/x-git-upload-pack-result",
    };
    const body = lsRefsRequest(settings.branch, format);
    const url = `${remote.url}/git-upload-pack`;
    const answer = await client.exchange({ url, headers, body, maxBodyBytes: maxAnswerBytes }, signal);
    return branchInAnswer(packetsOf(answer, "application/x-git-upload-pack-result", doing), settings.branch);
  };

  return {
    async head(signal) {
      try {
        if (known === null) {
          const found = await discover(signal);
          if (typeof found === "object") return found;
          known = found;
        }
        return await ask(known, signal);
      } catch (error) {
        known = null;
        signal.throwIfAborted();
        if (isUnexpected(error)) return null;
        throw explain(doing, error);
      }
    },
    close: () => client.close(),
  };
}

/** An answer that is no Git protocol: Git may know better (a redirect, the dumb protocol, another certificate store). */
class UnexpectedAnswer extends Error {}

function isUnexpected(error: unknown): boolean {
  return (
    error instanceof UnexpectedAnswer ||
    error instanceof PktLineError ||
    error instanceof BodyTooLarge ||
    isCertificateError(error)
  );
}

/** @throws {SourceError} for a status that says what is wrong; UnexpectedAnswer for other answers. */
function packetsOf(answer: HttpAnswer, contentType: string, doing: string): Packet[] {
  const { status } = answer;
  if (status === 401 || status === 403 || status === 407)
    throw failure("auth", `${doing} failed: it answered ${status}`);
  if (status === 404 || status === 410) throw failure("not-found", `${doing} failed: it answered ${status}`);
  if (status === 429 || status >= 500) throw failure("unreachable", `${doing} failed: it answered ${status}`);
  // Git would take a sign-in page for the list of refs of a dumb server, and find the branch missing.
  if (status === 200 && answer.contentType.startsWith("text/html")) {
    throw failure("protocol", `${doing} failed: it answers a web page`);
  }
  if (status !== 200 || answer.contentType !== contentType) throw new UnexpectedAnswer(`status ${status}`);
  const decoder = createPacketDecoder();
  const packets = decoder.push(answer.body);
  if (decoder.pendingBytes() > 0 || packets.at(-1)?.type !== "flush") {
    throw failure("unreachable", `${doing} failed: the answer breaks off in the middle`);
  }
  return packets;
}

/** `# service=git-upload-pack` and a flush come first, optionally in version 2. */
function withoutServiceLine(packets: Packet[]): Packet[] {
  const first = packets[0];
  const announced = first?.type === "data" && first.data.toString("utf8").startsWith("# service=");
  return announced ? packets.slice(packets[1]?.type === "flush" ? 2 : 1) : packets;
}

function explain(doing: string, error: unknown): unknown {
  if (error instanceof RemoteMessage) {
    return failure("not-found", `${doing} failed: the server says: ${quoteForPeople(error.message)}`, error);
  }
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    const words = error.message === "" ? error.code : quoteForPeople(error.message);
    return failure("unreachable", `${doing} failed: ${words}`, error);
  }
  return error;
}

function isCertificateError(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return false;
  return /CERT|ERR_TLS|SELF_SIGNED|UNABLE_TO_VERIFY|ISSUER/.test(error.code);
}
