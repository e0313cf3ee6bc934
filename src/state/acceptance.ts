/** What is known of a commit when the agent decides whether to follow it. */
export interface CommitFacts {
  /** Documents of any kind in the three folders, valid or not. */
  documents: number;
  /** Names of the deployments that this agent owns on the engine. */
  owned: readonly string[];
  /** Names of the deployments that the commit wants on this node, held ones included. */
  wanted: ReadonlySet<string>;
  /** Whether a commit since the one in force has the trailer `Orun-Prune: confirm`. */
  confirmed: boolean;
}

const trailerAdvice = "a commit with the trailer 'Orun-Prune: confirm' lets it through";

/**
 * Decides whether a commit is followed (SPEC 3, "When Git fails"): null, or the reason why it is held as a whole. Held are
 * an empty tree, and the removal of more than half of five or more deployments; never without something to lose.
 */
export function reasonToHold(facts: CommitFacts): string | null {
  if (facts.confirmed || facts.owned.length === 0) return null;
  if (facts.documents === 0) {
    return `the commit has no manifest at all while ${String(facts.owned.length)} deployments run here; ${trailerAdvice}`;
  }
  const removed = facts.owned.filter((name) => !facts.wanted.has(name)).sort();
  if (facts.owned.length < 5 || removed.length * 2 <= facts.owned.length) return null;
  const names = removed.slice(0, 5).join(", ") + (removed.length > 5 ? ", …" : "");
  return `the commit would remove ${String(removed.length)} of the ${String(facts.owned.length)} deployments here (${names}); ${trailerAdvice}`;
}
