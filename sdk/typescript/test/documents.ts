import type { Event, Group, User } from "../src/index.js";

/** Documents for tests. */
export const user = (id: string, version: number, change: Partial<User> = {}): User => ({
  id, version,
  userName: `${id}@example.com`, email: `${id}@example.com`, displayName: id, externalId: null, origin: "scim", scimManaged: true,
  accountType: "user", active: true, deactivatedBy: null, deleted: false, protected: false, holds: "seat", created: null, modified: null,
  ...change,
});

export const group = (id: string, version: number, change: Partial<Group> = {}): Group => ({
  id, version, generation: 1, displayName: id, externalId: null, origin: "scim", created: null, modified: null, ...change,
});

let events = 0;
const event = (type: string, resource: Event["resource"], rest: Partial<Event>): Event => ({
  id: `event-${++events}`, type, time: "2026-12-01T00:00:00Z", tenant: "acme", actor: { type: "idp" }, data: null, ...(resource && { resource }), ...rest,
});

export const ofUser = (type: string, id: string, version: number, data: User | null, rest: Partial<Event> = {}): Event =>
  event(type, { type: "User", id, version, externalId: null }, { data, ...rest });

/** An event of a group. Of the named users, members has those who are members, with their versions. */
export const ofGroup = (type: string, data: Group | null, id: string, named: string[] = [], members: Record<string, number> = {}, replaced = false): Event =>
  event(type, { type: "Group", id, version: data?.version ?? 0, externalId: null }, {
    data,
    members: {
      added: named, removed: [], generation: data?.generation ?? 0, ...(replaced && { replaced }),
      current: Object.entries(members).map(([id, version]) => ({ id, version })),
    },
  });

export const operational = (type: string): Event => event(type, undefined, {});

/** Returns all orders of a list. */
export function* orders<T>(list: T[]): Generator<T[]> {
  if (list.length === 0) yield [];
  for (const [i, first] of list.entries()) {
    for (const rest of orders([...list.slice(0, i), ...list.slice(i + 1)])) yield [first, ...rest];
  }
}
