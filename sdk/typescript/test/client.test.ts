import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, LossError, MemoryStore, Mirror, Problem, type Event, type Fetch, type Group, type User } from "../src/index.js";
import { group, ofGroup, ofUser, user } from "./documents.js";

interface Reply {
  status?: number;
  body: unknown;
  retryAfter?: string;
}

// A client whose requests are answered by a function.
function answering(reply: (path: string, query: URLSearchParams) => Reply, sent: string[] = []): Client {
  const fetch: Fetch = async (url, init) => {
    const { pathname, searchParams } = new URL(url);
    assert.equal(init.headers["authorization"], "Bearer rca_local_1");
    sent.push(pathname + "?" + searchParams.toString());
    const { status = 200, body, retryAfter } = reply(pathname.replace("/admin/v1/tenants/acme/", ""), searchParams);
    return {
      status,
      headers: { get: (name) => (name.toLowerCase() === "retry-after" ? (retryAfter ?? null) : null) },
      text: async () => (typeof body === "string" ? body : JSON.stringify(body)),
    };
  };
  return new Client({ url: "http://127.0.0.1:8080/admin/v1/", token: "rca_local_1", fetch });
}

const problem = (status: number, type: string, rest = {}) => ({
  status,
  body: { type: `https://example.com/admin-api.md#${type}`, title: "…", status, detail: "It is so.", requestId: "r1", ...rest },
});

// A service with users, groups, members and events, which a test changes.
class Service {
  users: User[] = [];
  groups: Group[] = [];
  members: Record<string, string[]> = {};
  pages: { after: string | undefined; events: Event[]; next: string; more: boolean }[] = [];
  /** The cursor that is too old, and the one to continue with. */
  expired: Record<string, string> = {};
  /** Called before each answer. */
  before: (path: string) => void = () => undefined;
  readonly sent: string[] = [];

  readonly client = answering((path, query) => {
    this.before(path);
    const [kind, id, sub] = path.split("/");
    const after = query.get("after") ?? undefined;
    if (kind === "events") {
      if (after !== undefined && this.expired[after]) return problem(410, "gone", { next: this.expired[after] });
      const page = this.pages.find((p) => p.after === after);
      assert.ok(page, `no page after ${after}`);
      return { body: { events: page.events, next: page.next, more: page.more, caughtUpTo: "2026-12-01T00:00:00Z" } };
    }
    // Pages of two.
    const list = <T>(all: T[], name: string, rest = {}) => {
      const from = Number(after ?? 0);
      return { body: { ...rest, [name]: all.slice(from, from + 2), ...(all.length > from + 2 && { next: String(from + 2) }) } };
    };
    if (kind === "users" && !id) return list(this.users, "users");
    if (kind === "groups" && !id) return list(this.groups, "groups");
    const found = (kind === "users" ? this.users : this.groups).find((r) => r.id === id);
    if (!found) return problem(404, "not-found");
    return sub === "members" ? list((this.members[found.id] ?? []).map((id) => ({ id })), "members", { group: found }) : { body: found };
  }, this.sent);
}

test("an answer that is no success is a problem", async () => {
  const refused = answering(() => problem(403, "not-authorized"));
  await assert.rejects(refused.events("acme"), (error) => {
    assert.ok(error instanceof Problem);
    assert.deepEqual([error.status, error.type, error.detail, error.requestId], [403, "not-authorized", "It is so.", "r1"]);
    return true;
  });
  await assert.rejects(answering(() => ({ status: 502, body: "<html>", retryAfter: "0" })).events("acme"), /502/);
});

test("a busy service is asked again, and not without end", async () => {
  let answers = 0;
  const page = { events: [], next: "c", more: false, caughtUpTo: "2026-12-01T00:00:00Z" };
  const busy = answering(() => (++answers < 3 ? { ...problem(503, "busy"), retryAfter: "0" } : { body: page }));
  assert.deepEqual(await busy.events("acme"), page);
  assert.equal(answers, 3);
  const sent: string[] = [];
  await assert.rejects(answering(() => ({ ...problem(503, "busy"), retryAfter: "0" }), sent).events("acme"), /503/);
  assert.equal(sent.length, 5);
});

test("the first pull lists everything and then follows the events; the next one continues", async () => {
  const service = new Service();
  service.users = [user("ada", 3), user("bob", 1), user("cy", 1)];
  service.groups = [group("staff", 2)];
  service.members = { staff: ["ada", "bob", "cy"] };
  service.pages = [
    { after: undefined, events: [ofUser("user.created", "ada", 1, user("ada", 3))], next: "c1", more: true },
    { after: "c1", events: [ofUser("user.created", "dee", 1, user("dee", 1))], next: "c2", more: false },
    { after: "c2", events: [ofGroup("group.members_changed", group("staff", 3), "staff", ["bob"], {})], next: "c3", more: false },
  ];
  const mirror = new Mirror(new MemoryStore());
  await mirror.pull(service.client, "acme");
  assert.deepEqual(await mirror.ids("acme", "user"), ["ada", "bob", "cy", "dee"]);
  assert.deepEqual((await mirror.group("acme", "staff"))?.members, ["ada", "bob", "cy"]);
  service.sent.length = 0;
  await mirror.pull(service.client, "acme");
  assert.deepEqual((await mirror.group("acme", "staff"))?.members, ["ada", "cy"]);
  assert.equal(service.sent.length, 1);
});

test("a cursor that is older than the log lists everything, and continues with the given one", async () => {
  const service = new Service();
  service.users = [user("ada", 1), user("bob", 1)];
  service.groups = [group("staff", 1), group("gone", 1)];
  service.members = { staff: ["ada", "bob"] };
  service.pages = [{ after: undefined, events: [], next: "old", more: false }];
  const mirror = new Mirror(new MemoryStore());
  await mirror.pull(service.client, "acme");

  service.users = [user("bob", 2, { active: false })];
  service.groups = [group("staff", 4)];
  service.members = { staff: ["bob"] };
  service.expired = { old: "fresh" };
  service.pages = [{ after: "fresh", events: [], next: "next", more: false }];
  await mirror.pull(service.client, "acme");
  assert.deepEqual(await mirror.ids("acme", "user"), ["bob"]);
  assert.deepEqual(await mirror.ids("acme", "group"), ["staff"]);
  assert.equal((await mirror.user("acme", "bob")).user?.active, false);

  service.pages = [{ after: "next", events: [], next: "next", more: false }];
  await mirror.pull(service.client, "acme");
});

test("an interrupted pull continues where it was", async () => {
  const service = new Service();
  service.pages = [
    { after: undefined, events: [ofUser("user.created", "ada", 1, user("ada", 1))], next: "c1", more: true },
    { after: "c1", events: [ofUser("user.created", "bob", 1, user("bob", 1))], next: "c2", more: false },
  ];
  let fails = true;
  const mirror = new Mirror(new MemoryStore(), {
    changed: ({ id }) => {
      if (fails && id === "bob") throw new Error("the database is away");
    },
  });
  await assert.rejects(mirror.pull(service.client, "acme"), /away/);
  fails = false;
  service.sent.length = 0;
  await mirror.pull(service.client, "acme");
  assert.equal(service.sent[0], "/admin/v1/tenants/acme/events?limit=500&after=c1");
  assert.deepEqual(await mirror.ids("acme", "user"), ["ada", "bob"]);
});

test("reconciliation counts what differed, and calls changed for each user", async () => {
  const service = new Service();
  service.users = [user("ada", 1), user("bob", 1), user("cy", 1)];
  service.groups = [group("staff", 1)];
  service.members = { staff: ["ada"] };
  let seen: string[] = [];
  const mirror = new Mirror(new MemoryStore(), { changed: ({ id }) => void seen.push(id) });
  assert.notEqual(await mirror.reconcile(service.client, "acme"), 0);
  assert.equal(await mirror.reconcile(service.client, "acme"), 0);
  seen = [];
  service.members = { staff: ["ada", "bob"] };
  service.groups = [group("staff", 2)];
  assert.notEqual(await mirror.reconcile(service.client, "acme"), 0);
  assert.deepEqual(seen.slice(0, 3), ["ada", "bob", "cy"]);
  assert.deepEqual((await mirror.group("acme", "staff"))?.members, ["ada", "bob"]);
});

test("reconciliation counts users, groups and memberships, and no versions", async () => {
  const ids = Array.from({ length: 5 }, (_, i) => `u${i}`);
  const service = new Service();
  service.users = ids.map((id) => user(id, 1));
  const staff = (version: number, members: string[], change: Partial<Group> = {}) => {
    service.groups = [group("staff", version, change)];
    service.members = { staff: members };
  };
  staff(1, ids.slice(0, 4));
  const mirror = new Mirror(new MemoryStore());
  assert.equal(await mirror.reconcile(service.client, "acme"), 5 + 1 + 4);
  const steps: [string, () => void, number][] = [
    ["a version that moved without an event", () => staff(2, ids.slice(0, 4)), 0],
    ["one joined", () => staff(3, ids), 1],
    ["two left", () => staff(4, ids.slice(2)), 2],
    ["a replacement of all members", () => staff(5, ids.slice(0, 3), { generation: 2 }), 2 + 2],
    ["another name", () => staff(6, ids.slice(0, 3), { generation: 2, displayName: "Crew" }), 1],
    ["a user changed", () => (service.users[0] = user("u0", 2, { active: false })), 1],
    ["a group is gone", () => (service.groups = []), 1],
  ];
  for (const [name, change, differ] of steps) {
    change();
    assert.equal(await mirror.reconcile(service.client, "acme"), differ, name);
    assert.equal(await mirror.reconcile(service.client, "acme"), 0, name);
  }
});

test("what was pushed during a reconciliation is newer than the lists", async () => {
  const service = new Service();
  service.users = [user("ada", 1), user("bob", 1)];
  service.groups = [group("staff", 5)];
  service.members = { staff: ["ada", "bob"] };
  const mirror = new Mirror(new MemoryStore());
  const pushed: Promise<void>[] = [];
  service.before = (path) => {
    if (path !== "groups") return;
    for (const event of [
      ofUser("user.deactivated", "bob", 2, user("bob", 2, { active: false })),
      ofUser("user.created", "dee", 1, user("dee", 1)),
      ofGroup("group.members_changed", group("staff", 6), "staff", ["ada", "dee"], { dee: 1 }),
      ofUser("user.reactivated", "bob", 3, user("bob", 3), { membershipsEnded: true }),
    ]) pushed.push(mirror.apply(event));
  };
  await mirror.reconcile(service.client, "acme");
  await Promise.all(pushed);
  assert.deepEqual((await mirror.group("acme", "staff"))?.members, ["dee"]);
  assert.equal((await mirror.user("acme", "bob")).user?.version, 3);
});

test("a service that has lost unusually many users or groups is not believed", async () => {
  const ids = Array.from({ length: 100 }, (_, i) => `r${100 + i}`);
  for (const kind of ["users", "groups"] as const) {
    const service = new Service();
    service.users = ids.map((id) => user(id, 1));
    service.groups = ids.map((id) => group(id, 1));
    const mirror = new Mirror(new MemoryStore());
    await mirror.reconcile(service.client, "acme");
    const left = { users: service.users.slice(11), groups: service.groups.slice(11) };
    service[kind] = left[kind] as never;
    await assert.rejects(mirror.reconcile(service.client, "acme"), LossError);
    const type = kind === "users" ? "user" : "group";
    assert.equal((await mirror.ids("acme", type)).length, 100);
    await mirror.reconcile(service.client, "acme", { allowLoss: true });
    assert.equal((await mirror.ids("acme", type)).length, 89);
    service[kind] = left[kind].slice(10) as never;
    await mirror.reconcile(service.client, "acme");
    assert.equal((await mirror.ids("acme", type)).length, 79);
  }
});

test("a deleted user is no member, although its membership is still stored", async () => {
  const service = new Service();
  service.users = [user("ada", 4, { deleted: true, active: false }), user("bob", 1)];
  service.groups = [group("staff", 5)];
  service.members = { staff: ["ada", "bob"] };
  const mirror = new Mirror(new MemoryStore());
  await mirror.reconcile(service.client, "acme");
  assert.deepEqual((await mirror.group("acme", "staff"))?.members, ["bob"]);
});

test("members of two generations are not mixed", async () => {
  const service = new Service();
  service.users = ["a", "b", "c", "d"].map((id) => user(id, 1));
  service.groups = [group("staff", 1)];
  service.members = { staff: ["a", "b", "c"] };
  let requests = 0;
  service.before = (path) => {
    if (path === "groups/staff/members" && ++requests === 2) {
      service.groups = [group("staff", 9, { generation: 2 })];
      service.members = { staff: ["b", "c", "d"] };
    }
  };
  const mirror = new Mirror(new MemoryStore());
  await mirror.reconcile(service.client, "acme");
  assert.deepEqual((await mirror.group("acme", "staff"))?.members, ["b", "c", "d"]);
});

test("a user whose place in the list has passed is asked for", async () => {
  const service = new Service();
  service.users = [user("bob", 1)];
  const mirror = new Mirror(new MemoryStore());
  await mirror.apply(ofUser("user.created", "ada", 1, user("ada", 1)));
  service.before = (path) => {
    if (path.startsWith("users/")) service.users = [user("ada", 2), user("bob", 1)];
  };
  await mirror.reconcile(service.client, "acme");
  assert.equal((await mirror.user("acme", "ada")).user?.version, 2);
});
