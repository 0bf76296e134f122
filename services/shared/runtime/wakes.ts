/** Who in this process waits for new work, by name. */
export class Wakes {
  readonly #listeners = new Map<string, Set<() => void>>();

  wake(name: string): void {
    for (const listener of this.#listeners.get(name) ?? []) listener();
  }

  /** Calls back on `wake(name)`; the answer unsubscribes. */
  onWake(name: string, listener: () => void): () => void {
    const known = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, known.add(listener));
    return () => void known.delete(listener);
  }
}
