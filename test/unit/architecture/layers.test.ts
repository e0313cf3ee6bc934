import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { it } from "node:test";

const src = join(import.meta.dirname, "..", "..", "..", "src");

/** Who may import whom. `agent` as a value means its ports and errors only. */
const allowed: Record<string, readonly string[]> = {
  manifest: ["manifest"],
  state: ["state", "manifest"],
  plan: ["plan", "state", "manifest"],
  agent: ["agent", "plan", "state", "manifest"],
  docker: ["docker", "agent/ports.ts", "agent/ingress-host-port.ts", "agent/errors.ts", "state", "manifest"],
  caddy: [
    "caddy",
    "agent/ingress-port.ts",
    "agent/ingress-host-port.ts",
    "agent/errors.ts",
    "state",
    "manifest",
  ],
  git: ["git", "agent/source-port.ts", "manifest"],
  probe: ["probe", "agent/ports.ts"],
  host: ["host", "agent/ports.ts", "agent/events.ts", "plan", "state", "manifest"],
  bootstrap: ["bootstrap", "manifest", "git/url.ts", "git/errors.ts"],
  doctor: ["doctor", "agent/ports.ts", "agent/source-port.ts"],
  api: ["api", "agent/status.ts"],
};
const PURE = ["manifest", "state", "plan", "agent"];

function imports(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map(
    (match) => match[1] ?? "",
  );
}

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));

it("imports go in one direction only", () => {
  const wrong: string[] = [];
  for (const name of files) {
    const rules = allowed[name.split("/")[0] ?? ""];
    if (rules === undefined) continue;
    for (const target of imports(join(src, name))) {
      if (!target.startsWith(".")) continue;
      const path = relative(src, resolve(dirname(join(src, name)), target));
      if (!rules.some((rule) => path === rule || path.startsWith(`${rule}/`)))
        wrong.push(`${name} imports ${path}`);
    }
  }
  assert.deepEqual(wrong, []);
});

it("the four inner layers do no input or output", () => {
  const allowedModules = new Set(["node:crypto"]);
  const wrong: string[] = [];
  for (const name of files) {
    if (!PURE.includes(name.split("/")[0] ?? "")) continue;
    for (const target of imports(join(src, name))) {
      if (target.startsWith("node:") && !allowedModules.has(target)) wrong.push(`${name} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});
