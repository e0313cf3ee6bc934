import { type Diagnostic, escapeControl, renderStyled } from "../manifest/diagnostic.ts";
import { describeDeed } from "../plan/describe.ts";
import { specChanges } from "../plan/diff.ts";
import type { DeploymentPlan } from "../plan/plan.ts";
import { decodeCanonical } from "../state/canonical.ts";
import type { DesiredState } from "../state/desired.ts";
import type { ObservedState } from "../state/observed.ts";
import { diagnosticStyle } from "./diagnostic-style.ts";
import type { Paint } from "./terminal.ts";

/** A deployment's plan with the fields in which what is wanted differs from what runs. */
export interface ShownPlan extends DeploymentPlan {
  changes: readonly string[];
}

/** Field by field, how the wanted form of a deployment differs from its containers'; empty for a new one, and for one that goes. */
export function fieldChanges(
  desired: DesiredState,
  observed: Pick<ObservedState, "containers">,
  name: string,
): string[] {
  const wanted = desired.deployments.get(name);
  if (wanted?.kind !== "run") return [];
  const { revision, canonical } = wanted.revision;
  const own = observed.containers.filter((container) => container.deployment === name);
  const other = own.find((container) => container.revision !== revision);
  if (other === undefined || own.some((container) => container.revision === revision)) return [];
  return specChanges(decodeCanonical(other.specLabel), canonical);
}

/** What a pass would do, for people: the findings, then for each deployment the fields that changed and the steps in order. */
export function renderPlan(
  plans: readonly ShownPlan[],
  diagnostics: readonly Diagnostic[],
  paint: Paint,
): string {
  const style = diagnosticStyle(paint);
  const lines = diagnostics.map((item) => renderStyled(item, style));
  for (const plan of plans) {
    if (plan.note === null && plan.actions.length === 0) continue;
    if (lines.length > 0) lines.push("");
    lines.push(
      `${paint("bold", escapeControl(plan.name))}${plan.note === null ? "" : `: ${escapeControl(plan.note)}`}`,
      ...plan.changes.map((change) => `  ${marked(escapeControl(change), paint)}`),
    );
    const told = plan.changes.join(", ");
    const width = String(plan.actions.length).length;
    plan.actions.forEach((action, index) => {
      const why = action.reason === told ? "" : ` ${paint("dim", `(${escapeControl(action.reason)})`)}`;
      lines.push(`  ${String(index + 1).padStart(width)}. ${escapeControl(describeDeed(action))}${why}`);
    });
  }
  const steps = plans.reduce((sum, plan) => sum + plan.actions.length, 0);
  const busy = plans.filter((plan) => plan.actions.length > 0).length;
  if (lines.length > 0) lines.push("");
  lines.push(steps === 0 ? "nothing to do" : `${counted(steps, "step")} for ${counted(busy, "deployment")}`);
  return `${lines.join("\n")}\n`;
}

function marked(change: string, paint: Paint): string {
  if (change.endsWith(" added")) return paint("green", `+ ${change}`);
  if (change.endsWith(" removed")) return paint("red", `- ${change}`);
  return paint("yellow", `~ ${change}`);
}

function counted(count: number, word: string): string {
  return `${String(count)} ${word}${count === 1 ? "" : "s"}`;
}
