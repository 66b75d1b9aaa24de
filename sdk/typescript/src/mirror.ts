import { Problem, type Client, type MembersPage } from "./client.js";
import type { Event, Group, User } from "./event.js";
import type { Records, Store } from "./store.js";

/** A user with its groups, as the mirror knows them. */
export interface Member {
  tenant: string;
  id: string;
  /** Undefined for a user that is unknown, or was deleted for good. */
  user: User | undefined;
  /** The groups that the user is a member of, in the order of their names. */
  groups: Group[];
}

/** What an application does with changes. */
export interface MirrorOptions<R extends Records> {
  /**
   * Called in the transaction of a change for each user that may have changed, or whose groups
   * may have: make the application's own record of the user agree. It may be called again
   * without a change.
   */
  changed?(member: Member, records: R): void | Promise<void>;
}

// What is known of a user: the document with the highest version, none of a user that is gone for
// good. `ended` is the highest version before which all its memberships have ended.
interface UserRecord {
  data?: User;
  gone?: true;
  ended: number;
}
// What is known of a group, in the same way. `generation` is the highest that a replacement of
// all members has begun.
interface GroupRecord {
  data?: Group;
  gone?: true;
  generation: number;
}
// Whether a user was a member of a group, at the highest version of the group that was seen. `user`
// is the highest version of the user with which it was ever seen as a member.
interface Fact {
  version: number;
  generation: number;
  user: number;
  member: boolean;
}

// Each value of these records is a maximum, so it does not matter in which order events come, and
// how often. Memberships that have ended stay: without them, an older fact would begin them again.
function isMember(user: UserRecord | undefined, group: GroupRecord | undefined, fact: Fact | undefined): boolean {
  return Boolean(fact?.member && user?.data && group?.data && fact.user >= user.ended && fact.generation >= group.generation);
}

/**
 * Unusually many users or groups are gone. More likely than such a loss is a client of another
 * deployment, and what is removed from a mirror never returns.
 */
export class LossError extends Error {
  override readonly name = "LossError";
  constructor(type: "user" | "group", gone: number, known: number) {
    super(`${gone} of ${known} ${type}s are gone at the service; nothing of that was applied`);
  }
}

/**
 * A copy of the users, groups and memberships of tenants, kept by events.
 *
 * Each event has what was true when it was sent, with versions. So events may come twice and in
 * any order: what is older than what is stored is ignored. A lost event is repaired by pull.
 */
export class Mirror<R extends Records = Records> {
  readonly #store: Store<R>;
  readonly #changed: MirrorOptions<R>["changed"];
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: Store<R>, options: MirrorOptions<R> = {}) {
    this.#store = store;
    this.#changed = options.changed?.bind(options);
  }

  /** Applies an event. Answer a webhook's request with 2xx only after this has returned. */
  async apply(event: Event): Promise<void> {
    await this.#change(event.tenant ?? "", (change) => change.event(event));
  }

  /**
   * Reads the events since the last call, and applies them. The first call, and one after a
   * pause that is longer than the log is kept, lists everything before.
   */
  async pull(client: Client, tenant: string): Promise<void> {
    const key = cursorKey(tenant);
    let cursor = await this.#read((records) => records.get(key));
    if (cursor === undefined) await this.reconcile(client, tenant);
    for (let more = true; more; ) {
      try {
        const page = await client.events(tenant, cursor);
        for (const event of page.events) await this.apply(event);
        cursor = page.next;
        more = page.more;
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 410 || error.next === undefined) throw error;
        cursor = error.next;
        await this.reconcile(client, tenant);
      }
      const reached = cursor;
      await this.#change(tenant, (_, records) => records.set(key, reached));
    }
  }

  /**
   * Compares all users, groups and memberships with those of the service, and repairs what
   * differs. It returns how many users, groups and memberships differed; the version of a group
   * is no difference, because it also moves without an event, when a member is deleted. Run it
   * each night: it also finds what was changed in the application's database by mistake, because
   * `changed` is called for each user.
   *
   * It throws LossError when more than ten users, and more than a tenth of them, are gone, or as
   * many groups, unless options.allowLoss is true.
   */
  async reconcile(client: Client, tenant: string, options: { allowLoss?: boolean } = {}): Promise<number> {
    let differed = 0;
    const apply = async (work: (change: Change<R>) => Promise<void>) => {
      differed += await this.#change(tenant, work);
    };
    // What the lists do not have is gone, or was created after they had passed its place: look returns which.
    const lost = async <T>(type: "user" | "group", known: string[], listed: Set<string>, look: (id: string) => Promise<T | undefined>) => {
      const gone: string[] = [];
      for (const id of known) if (!listed.has(id) && (await look(id)) === undefined) gone.push(id);
      if (!options.allowLoss && gone.length > Math.max(10, known.length / 10)) throw new LossError(type, gone.length, known.length);
      return gone;
    };

    // Users first, then groups, then memberships: a membership ends with its user's version.
    const versions = new Map<string, number>();
    const list = async (user: User) => {
      versions.set(user.id, seen(user));
      await apply((change) => change.user(user.id, user, 0));
      return user;
    };
    const users = await this.ids(tenant, "user");
    for await (const user of client.users(tenant)) await list(user);
    for (const id of await lost("user", users, new Set(versions.keys()), async (id) => {
      const user = await client.user(tenant, id);
      return user && list(user);
    })) await apply((change) => change.user(id, null, 0));

    const members = async (id: string) => {
      const found = await membersOf(client, tenant, id);
      if (found) await apply((change) => change.members(found.group, found.ids, versions));
      return found;
    };
    const groups = await this.ids(tenant, "group");
    const listed = new Set<string>();
    for await (const group of client.groups(tenant)) listed.add(group.id);
    for (const id of listed) await members(id);
    for (const id of await lost("group", groups, listed, members)) await apply((change) => change.group(id, null, 0));
    return differed;
  }

  /** Returns a user and its groups. */
  async user(tenant: string, id: string): Promise<Member> {
    return this.#read((records) => new Change(tenant, records).state(id));
  }

  /** Returns a group and the ids of its members; undefined if there is none. */
  async group(tenant: string, id: string): Promise<{ group: Group; members: string[] } | undefined> {
    return this.#read((records) => new Change(tenant, records).membersOf(id));
  }

  /** Returns the ids of all users or groups that the mirror has, without those that are gone. */
  async ids(tenant: string, type: "user" | "group"): Promise<string[]> {
    const prefix = `${tenant}/${type}/`;
    return this.#read(async (records) => {
      const ids: string[] = [];
      for (const key of await records.keys(prefix)) {
        const record = parse<{ data: unknown }>(await records.get(key));
        if (record?.data) ids.push(key.slice(prefix.length));
      }
      return ids.sort();
    });
  }

  async #read<T>(work: (records: R) => T | Promise<T>): Promise<T> {
    return this.#alone(() => this.#store.transaction(async (records) => work(records)));
  }

  // Runs a change in a transaction, and returns how many users, groups and memberships differed before.
  async #change(tenant: string, work: (change: Change<R>, records: R) => void | Promise<void>): Promise<number> {
    return this.#alone(() =>
      this.#store.transaction(async (records) => {
        const change = new Change(tenant, records);
        await work(change, records);
        if (this.#changed) for (const id of change.touched) await this.#changed(await change.state(id), records);
        return change.differed;
      }),
    );
  }

  // Transactions of one connection must not overlap.
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

// The version that a membership of a user was seen with: those of a deleted one have ended.
const seen = (user: User) => (user.deleted ? 0 : user.version);

// Reads all members of a group, under one generation.
async function membersOf(client: Client, tenant: string, id: string): Promise<{ group: Group; ids: Set<string> } | undefined> {
  for (;;) {
    const first = await client.members(tenant, id);
    if (!first) return undefined;
    const ids = new Set<string>();
    let page: MembersPage | undefined = first;
    while (page && page.group.generation === first.group.generation) {
      for (const member of page.members) ids.add(member.id);
      if (!page.next) return { group: first.group, ids };
      page = await client.members(tenant, id, page.next);
    }
  }
}

const userKey = (tenant: string, id: string) => `${tenant}/user/${id}`;
const groupKey = (tenant: string, id: string) => `${tenant}/group/${id}`;
const factKey = (tenant: string, group: string, user: string) => `${tenant}/member/${group}/${user}`;
const backKey = (tenant: string, user: string, group: string) => `${tenant}/of/${user}/${group}`;
const cursorKey = (tenant: string) => `${tenant}/cursor`;
const same = (before: unknown, after: unknown) => JSON.stringify(before) === JSON.stringify(after);
const parse = <T>(text: string | undefined): T | undefined => (text === undefined ? undefined : (JSON.parse(text) as T));

// One change of a tenant's records, inside of a transaction.
class Change<R extends Records> {
  readonly touched = new Set<string>();
  /** How many users, groups and listed memberships differed. Versions alone are no difference. */
  differed = 0;

  constructor(
    readonly tenant: string,
    readonly records: R,
  ) {}

  touch(user: string): void {
    this.touched.add(user);
  }

  async event(event: Event): Promise<void> {
    const { resource, members } = event;
    // An operational event may name a user that was refused; it is no change of one.
    if (!resource?.id || !event.type.startsWith(`${resource.type.toLowerCase()}.`)) return;
    // Only these two say that something is gone. Null data of another event has no meaning.
    const gone = event.type === "user.purged" || event.type === "group.deleted";
    if (resource.type === "User") {
      const ends = event.membershipsEnded || event.type === "user.deleted" || gone;
      await this.user(resource.id, gone ? null : (event.data as User | null) ?? undefined, ends ? resource.version : 0);
      return;
    }
    const group = gone ? null : (event.data as Group | null) ?? undefined;
    await this.group(resource.id, group, members?.replaced ? members.generation : 0);
    const version = group?.version ?? resource.version;
    if (gone || !members || version === 0) return;
    const current = new Map(members.current.map((m) => [m.id, m.version]));
    for (const id of new Set([...members.added, ...members.removed])) {
      await this.#fact(resource.id, id, { version, generation: members.generation, user: current.get(id) ?? 0, member: current.has(id) });
    }
  }

  // Stores a user: null for one that is gone, undefined for one that is not known.
  async user(id: string, data: User | null | undefined, ended: number): Promise<void> {
    const key = userKey(this.tenant, id);
    const before = await this.#get<UserRecord>(key);
    const after: UserRecord = { ...newest(before, data), ended: Math.max(before?.ended ?? 0, ended) };
    // A deleted user has no memberships.
    if (data?.deleted) after.ended = Math.max(after.ended, data.version);
    await this.#set(key, after);
    if (!same([before?.data, before?.gone], [after.data, after.gone])) this.differed++;
    this.touch(id);
  }

  // Stores a group: null for one that is gone, undefined for one that is not known.
  async group(id: string, data: Group | null | undefined, generation: number): Promise<void> {
    const key = groupKey(this.tenant, id);
    const before = await this.#get<GroupRecord>(key);
    const after: GroupRecord = { ...newest(before, data), generation: Math.max(before?.generation ?? 0, generation) };
    await this.#set(key, after);
    // The version of a group also moves without an event of the group.
    const shown = (group: GroupRecord | undefined) => [group?.data?.displayName, group?.data?.externalId];
    if (!same([before?.gone, shown(before)], [after.gone, shown(after)])) this.differed++;
    if (!same([before?.generation, shown(before)], [after.generation, shown(after)])) for (const user of await this.#usersOf(id)) this.touch(user);
  }

  // Makes the memberships of a group those of a list. The users had at least these versions.
  async members(group: Group, ids: Set<string>, versions: Map<string, number>): Promise<void> {
    const { version, generation } = group;
    const before = await this.#members(group.id);
    await this.group(group.id, group, generation);
    for (const id of new Set([...ids, ...(await this.#usersOf(group.id))])) {
      const user = versions.get(id);
      const member = ids.has(id);
      // Of a user that was created during the listing, the events report the membership.
      if (member && user === undefined) continue;
      await this.#fact(group.id, id, { version, generation, user: member ? (user ?? 0) : 0, member });
    }
    const after = await this.#members(group.id);
    for (const id of new Set([...before, ...after])) if (before.has(id) !== after.has(id)) this.differed++;
  }

  // Stores whether a user is a member, unless something newer is known. Of two facts at one version,
  // that the user is no member wins: a later change separates them, and has its own event.
  async #fact(group: string, user: string, fact: Fact): Promise<void> {
    const key = factKey(this.tenant, group, user);
    const before = await this.#get<Fact>(key);
    const newer = !before || fact.version > before.version || (fact.version === before.version && !fact.member);
    // The fact with the higher version was read later, so the user had at least the version of the other.
    const after: Fact = { ...(newer ? fact : before), user: Math.max(fact.user, before?.user ?? 0) };
    if (!(await this.#set(key, after))) return;
    await this.#set(backKey(this.tenant, user, group), true);
    this.touch(user);
  }

  // Returns a user with its groups.
  async state(id: string): Promise<Member> {
    const user = await this.#get<UserRecord>(userKey(this.tenant, id));
    const groups: Group[] = [];
    for (const group of user?.data ? await this.#groupsOf(id) : []) {
      const record = await this.#get<GroupRecord>(groupKey(this.tenant, group));
      if (record?.data && isMember(user, record, await this.#get<Fact>(factKey(this.tenant, group, id)))) groups.push(record.data);
    }
    groups.sort((a, b) => (a.displayName < b.displayName ? -1 : a.displayName > b.displayName ? 1 : a.id < b.id ? -1 : 1));
    return { tenant: this.tenant, id, user: user?.data, groups };
  }

  // Returns a group with the ids of its members.
  async membersOf(id: string): Promise<{ group: Group; members: string[] } | undefined> {
    const group = await this.#get<GroupRecord>(groupKey(this.tenant, id));
    return group?.data && { group: group.data, members: [...(await this.#members(id))].sort() };
  }

  async #members(id: string): Promise<Set<string>> {
    const group = await this.#get<GroupRecord>(groupKey(this.tenant, id));
    const members = new Set<string>();
    for (const user of group ? await this.#usersOf(id) : []) {
      const record = await this.#get<UserRecord>(userKey(this.tenant, user));
      if (isMember(record, group, await this.#get<Fact>(factKey(this.tenant, id, user)))) members.add(user);
    }
    return members;
  }

  async #usersOf(group: string): Promise<string[]> {
    return this.#ends(factKey(this.tenant, group, ""));
  }

  async #groupsOf(user: string): Promise<string[]> {
    return this.#ends(backKey(this.tenant, user, ""));
  }

  async #ends(prefix: string): Promise<string[]> {
    return [...(await this.records.keys(prefix))].map((key) => key.slice(prefix.length));
  }

  async #get<T>(key: string): Promise<T | undefined> {
    return parse<T>(await this.records.get(key));
  }

  // Stores a record, and reports whether it changed.
  async #set(key: string, value: unknown): Promise<boolean> {
    const text = JSON.stringify(value);
    if ((await this.records.get(key)) === text) return false;
    await this.records.set(key, text);
    return true;
  }
}

// Returns the newer of what is stored and a document.
function newest<T extends { version: number }>(before: { data?: T; gone?: true } | undefined, data: T | null | undefined): { data?: T; gone?: true } {
  if (before?.gone || data === null) return { gone: true };
  if (before?.data && (!data || before.data.version > data.version)) return { data: before.data };
  return data ? { data } : {};
}
