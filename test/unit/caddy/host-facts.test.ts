import assert from "node:assert/strict";
import { it } from "node:test";
import { countConnections } from "../../../src/caddy/connections.ts";
import { openPorts, portConflict } from "../../../src/caddy/ports.ts";

it("counts the connections to one address and port, connected or connecting", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100C40A:A2C8 0A00C40A:0050 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0",
    "   1: 0100C40A:A2C9 0A00C40A:0050 02 00000000:00000000 00:00000000 00000000     0        0 2 1 0",
    "   2: 0100C40A:A2CA 0A00C40A:0050 06 00000000:00000000 00:00000000 00000000     0        0 3 1 0",
    "   3: 0100C40A:A2CB 0A00C40A:1F90 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0",
    "   4: 0A00C40A:0050 0100C40A:A2C8 01 00000000:00000000 00:00000000 00000000     0        0 5 1 0",
  ].join("\n");
  assert.equal(countConnections(table, "10.196.0.10:80"), 2);
  assert.equal(countConnections(table, "10.196.0.10:8080"), 1);
  assert.equal(countConnections(table, "10.196.0.11:80"), 0);
});

it("knows which ports a configuration opens, and never takes one that somebody has", () => {
  const config = { apps: { http: { servers: { a: { listen: [":80"] }, b: { listen: [":443"] } } } } };
  assert.deepEqual(openPorts(config), [80, 443]);
  assert.deepEqual(openPorts(null), []);
  const nginx = (): string => "process 'nginx' (pid 7)";
  assert.equal(portConflict(80, "httpPort", [80], nginx), null);
  assert.equal(
    portConflict(80, "httpPort", [], () => null),
    null,
  );
  assert.equal(
    portConflict(80, "httpPort", [], nginx),
    "port 80 of the ingress is taken by process 'nginx' (pid 7): stop it, or set ingress.httpPort of the Node to another port",
  );
  const udpOnly = (_: number, protocol: string): string | null => (protocol === "udp" ? "somebody" : null);
  assert.match(portConflict(443, "httpsPort", [], udpOnly) ?? "", /taken by somebody/);
});
