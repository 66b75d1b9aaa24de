/**
 * The records that a mirror keeps: texts by key. A key has at most 400 characters of printable
 * ASCII. Any database has such a table; the methods may be synchronous.
 */
export interface Records {
  /** Returns the text of a key, or undefined. */
  get(key: string): string | undefined | Promise<string | undefined>;
  /** Stores the text of a key. */
  set(key: string, value: string): void | Promise<void>;
  /** Removes a key. Removing an absent key succeeds. */
  delete(key: string): void | Promise<void>;
  /** Returns all keys that begin with a prefix, in any order. */
  keys(prefix: string): Iterable<string> | Promise<Iterable<string>>;
}

/** Where a mirror keeps its records. */
export interface Store<R extends Records = Records> {
  /**
   * Runs work in a transaction: when work fails, nothing that it stored is kept. Transactions of
   * several processes must be serializable.
   */
  transaction<T>(work: (records: R) => Promise<T>): Promise<T>;
}

/** A store in memory, for tests. */
export class MemoryStore implements Store {
  readonly #records = new Map<string, string>();

  async transaction<T>(work: (records: Records) => Promise<T>): Promise<T> {
    const undo: [string, string | undefined][] = [];
    const records = this.#records;
    const remember = (key: string) => undo.push([key, records.get(key)]);
    try {
      return await work({
        get: (key) => records.get(key),
        set: (key, value) => {
          remember(key);
          records.set(key, value);
        },
        delete: (key) => {
          remember(key);
          records.delete(key);
        },
        keys: (prefix) => [...records.keys()].filter((key) => key.startsWith(prefix)),
      });
    } catch (error) {
      for (const [key, value] of undo.reverse()) {
        if (value === undefined) records.delete(key);
        else records.set(key, value);
      }
      throw error;
    }
  }
}
