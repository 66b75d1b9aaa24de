import type { Event, Group, User } from "./event.js";

/** What a client needs of an answer. */
export interface Answer {
  status: number;
  headers: { get(name: string): string | null };
  text(): Promise<string>;
}

/** Sends a request, as the global fetch does. Of a deployment, it signs the request for AWS. */
export type Fetch = (url: string, init: { headers: Record<string, string>; redirect: "error" }) => Promise<Answer>;

/** How to reach the admin API. */
export interface ClientOptions {
  /** The admin URL, which ends in /admin/v1. */
  url: string;
  /** The admin token of `rollcall local`. */
  token?: string;
  /** Sends the requests; the global fetch unless it is given. */
  fetch?: Fetch;
}

/** A page of events, oldest first. */
export interface EventsPage {
  events: Event[];
  /** Where the next page begins. */
  next: string;
  /** All events up to this time are in this page and those before, unless more is true. */
  caughtUpTo: string;
  more: boolean;
}

/** A page of the members of a group. */
export interface MembersPage {
  group: Group;
  members: { id: string }[];
  next?: string;
}

/** A refusal of the admin API (RFC 9457). */
export class Problem extends Error {
  override readonly name = "Problem";
  constructor(
    readonly status: number,
    /** The end of the problem's type, for example "not-found". */
    readonly type: string,
    readonly detail: string,
    readonly requestId: string,
    /** Of a cursor that is older than the log: where to continue after everything was listed. */
    readonly next: string | undefined,
  ) {
    super(`rollcall answered ${status} ${type}: ${detail} (request ${requestId})`);
  }
}

/** How often a request is sent at most, while the service is busy. */
const attempts = 5;

/** Reads events, users and groups from the admin API. It changes nothing. */
export class Client {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #fetch: Fetch;

  constructor(options: ClientOptions) {
    this.#url = options.url.replace(/\/+$/, "");
    this.#headers = { accept: "application/json" };
    if (options.token !== undefined) this.#headers["authorization"] = `Bearer ${options.token}`;
    this.#fetch = options.fetch ?? fetch;
  }

  /** Returns a page of a tenant's events: those after a cursor, or the oldest that are kept. */
  async events(tenant: string, after?: string, limit = 500): Promise<EventsPage> {
    return this.#get<EventsPage>(["tenants", tenant, "events"], { limit: String(limit), after });
  }

  /** Lists the users of a tenant, the deleted ones too. */
  async *users(tenant: string): AsyncGenerator<User> {
    for (let after: string | undefined; ; ) {
      const page: { users: User[]; next?: string } = await this.#get(["tenants", tenant, "users"], { deleted: "true", limit: "200", after });
      yield* page.users;
      if (!(after = page.next)) return;
    }
  }

  /** Returns a user, or undefined for one that was deleted for good. */
  async user(tenant: string, id: string): Promise<User | undefined> {
    return this.#find<User>(["tenants", tenant, "users", id]);
  }

  /** Lists the groups of a tenant. */
  async *groups(tenant: string): AsyncGenerator<Group> {
    for (let after: string | undefined; ; ) {
      const page: { groups: Group[]; next?: string } = await this.#get(["tenants", tenant, "groups"], { limit: "200", after });
      yield* page.groups;
      if (!(after = page.next)) return;
    }
  }

  /** Returns a page of a group's members, or undefined for a deleted group. */
  async members(tenant: string, group: string, after?: string): Promise<MembersPage | undefined> {
    return this.#find<MembersPage>(["tenants", tenant, "groups", group, "members"], { limit: "200", after });
  }

  async #find<T>(path: string[], query: Record<string, string | undefined> = {}): Promise<T | undefined> {
    try {
      return await this.#get<T>(path, query);
    } catch (error) {
      if (error instanceof Problem && error.status === 404 && error.type === "not-found") return undefined;
      throw error;
    }
  }

  async #get<T>(path: string[], query: Record<string, string | undefined>): Promise<T> {
    const url = new URL(`${this.#url}/${path.map(encodeURIComponent).join("/")}`);
    for (const [name, value] of Object.entries(query)) if (value) url.searchParams.set(name, value);
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#fetch(url.href, { headers: this.#headers, redirect: "error" });
      const text = await answer.text();
      if (answer.status === 200) return JSON.parse(text) as T;
      const problem = problemOf(answer.status, text);
      if ((answer.status < 500 && answer.status !== 429) || attempt === attempts) throw problem;
      const seconds = Number.parseInt(answer.headers.get("retry-after") ?? "", 10);
      await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(seconds >= 0 ? seconds : 1, 30)));
    }
  }
}

function problemOf(status: number, text: string): Problem {
  let members: Record<string, unknown> = {};
  try {
    members = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Not of the service: a gateway's answer.
  }
  const word = (name: string): string => (typeof members[name] === "string" ? members[name] : "");
  return new Problem(status, word("type").replace(/^.*[/#:]/, ""), word("detail"), word("requestId"), word("next") || undefined);
}
