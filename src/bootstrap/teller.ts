/** How a run is told to whoever watches, and how they are asked. */
export interface Teller {
  /** Begins something that takes time. */
  begin(what: string): void;
  /** Ends it; `note`: what came of it. */
  end(note: string): void;
  say(text: string): void;
  /** A question with yes and no; null: nobody can be asked. */
  ask: ((question: string) => Promise<boolean>) | null;
}
