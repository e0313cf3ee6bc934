/** One at a time, in the order of the calls: the clone has one user, and that user does one thing. */
export type Exclusive = <T>(work: () => Promise<T>) => Promise<T>;

/** Makes a queue of its own. A failed piece of work does not hold up the next. */
export function createExclusive(): Exclusive {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
}
