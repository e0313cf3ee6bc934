/** A real ACME server (Debian package pebble) with a DNS of its own in which every name leads to loopback. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { get, type RequestOptions } from "node:https";
import { request as plainRequest } from "node:http";
import { join } from "node:path";
import { startDaemon } from "./daemon.ts";
import { freePort } from "./free-port.ts";
import { until } from "./wait.ts";

export interface AcmeServer {
  /** The ACME directory, for `ingress.acme.ca`. */
  directory: string;
  /** File with the root that its own HTTPS is signed by, for `ingress.acme.caRoot`. */
  caRoot: string;
  /** The root of the certificates that it gives, PEM. */
  issuedRoot(): Promise<string>;
  /** From now on the name resolves to nothing, and no certificate for it is given. */
  forget(host: string): Promise<void>;
  log: string;
  end(): Promise<void>;
}

/**
 * Starts one in a folder. It proves names over HTTP-01 at `httpPort` and TLS-ALPN-01 at `httpsPort` of this host: give a port
 * where nobody listens to rule one of them out.
 */
export async function startAcmeServer(
  folder: string,
  ports: { httpPort: number; httpsPort: number },
): Promise<AcmeServer> {
  const [acme, management, dns, control] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const [certificate, key] = [join(folder, "acme.pem"), join(folder, "acme.key")];
  const names = ["-subj", "/CN=acme test server", "-addext", "subjectAltName=IP:127.0.0.1"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync(
    "openssl",
    ["req", "-x509", ...curve, "-days", "1", ...names, "-keyout", key, "-out", certificate],
    {
      stdio: "ignore",
    },
  );
  const config = join(folder, "pebble.json");
  writeFileSync(
    config,
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${String(acme)}`,
        managementListenAddress: `127.0.0.1:${String(management)}`,
        certificate,
        privateKey: key,
        httpPort: ports.httpPort,
        tlsPort: ports.httpsPort,
        ocspResponderURL: "",
        externalAccountBindingRequired: false,
      },
    }),
  );
  const log = join(folder, "pebble.log");
  const resolver = await startDaemon({
    command: "pebble-challtestsrv",
    args: [
      ...["-dns01", `127.0.0.1:${String(dns)}`, "-management", `127.0.0.1:${String(control)}`],
      ...["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""],
    ],
    log: join(folder, "dns.log"),
  });
  const server = await startDaemon({
    command: "pebble",
    args: ["-config", config, "-dnsserver", `127.0.0.1:${String(dns)}`],
    log,
    // Neither waits before it proves a name, nor refuses every so many requests to test its clients.
    env: { PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "0" },
  });
  const options: RequestOptions = { host: "127.0.0.1", rejectUnauthorized: false, timeout: 5000 };
  const text = (port: number, path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      get({ ...options, port, path }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.once("end", () => resolve(body));
      }).once("error", reject);
    });
  await until("the ACME server answers", async () =>
    (await text(acme, "/dir").catch(() => "")).includes("newOrder"),
  );
  return {
    directory: `https://127.0.0.1:${String(acme)}/dir`,
    caRoot: certificate,
    issuedRoot: () => text(management, "/roots/0"),
    forget: (host) =>
      new Promise((resolve, reject) => {
        const body = JSON.stringify({ host: `${host}.` });
        plainRequest(
          { host: "127.0.0.1", port: control, path: "/set-servfail", method: "POST" },
          (response) => {
            response.resume();
            response.once("end", () => resolve());
          },
        )
          .once("error", reject)
          .end(body);
      }),
    log,
    async end() {
      await server.end();
      await resolver.end();
    },
  };
}
