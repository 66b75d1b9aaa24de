import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore, Mirror, type Event, type Records } from "../src/index.js";
import { group, ofGroup, ofUser, operational, orders, user } from "./documents.js";

interface Picture {
  users: Record<string, { version: number; groups: string[] }>;
  groups: Record<string, string[]>;
}

async function picture(mirror: Mirror): Promise<Picture> {
  const all: Picture = { users: {}, groups: {} };
  for (const id of await mirror.ids("acme", "user")) {
    const known = await mirror.user("acme", id);
    all.users[id] = { version: known.user?.version ?? 0, groups: known.groups.map((g) => g.id) };
  }
  for (const id of await mirror.ids("acme", "group")) all.groups[id] = (await mirror.group("acme", id))?.members ?? [];
  return all;
}

// Applies events in each order, each event also twice, and compares what the mirror then has.
async function inAnyOrder(events: Event[], want: Picture): Promise<void> {
  let tried = 0;
  for (const order of orders(events)) {
    const mirror = new Mirror(new MemoryStore());
    for (const event of order) await mirror.apply(event);
    assert.deepEqual(await picture(mirror), want, order.map((e) => `${e.type} ${e.resource?.version}`).join(", "));
    for (const event of order) await mirror.apply(event);
    assert.deepEqual(await picture(mirror), want, "applied again");
    tried++;
  }
  assert.ok(tried > 1);
}

test("a user is the newest that was read, in any order", () =>
  inAnyOrder(
    [ofUser("user.created", "ada", 1, user("ada", 1)), ofUser("user.updated", "ada", 2, user("ada", 3)), ofUser("user.deactivated", "ada", 3, user("ada", 3, { active: false }))],
    { users: { ada: { version: 3, groups: [] } }, groups: {} },
  ));

test("a membership is what was read at the highest version of the group", () =>
  inAnyOrder(
    [
      ofUser("user.created", "ada", 1, user("ada", 1)),
      ofGroup("group.created", group("staff", 1), "staff", ["ada"], { ada: 1 }),
      ofGroup("group.members_changed", group("staff", 2), "staff", ["ada"], {}),
      ofGroup("group.members_changed", group("staff", 3), "staff", ["ada"], { ada: 1 }),
    ],
    { users: { ada: { version: 1, groups: ["staff"] } }, groups: { staff: ["ada"] } },
  ));

test("a deletion ends the memberships before it, and not those after it", () =>
  inAnyOrder(
    [
      ofGroup("group.created", group("old", 1), "old", ["ada"], { ada: 1 }),
      ofUser("user.deleted", "ada", 2, user("ada", 2, { deleted: true, active: false })),
      ofUser("user.restored", "ada", 3, user("ada", 3)),
      ofGroup("group.members_changed", group("new", 7), "new", ["ada"], { ada: 3 }),
    ],
    { users: { ada: { version: 3, groups: ["new"] } }, groups: { old: [], new: ["ada"] } },
  ));

test("a rehire that ends memberships ends those before it", () =>
  inAnyOrder(
    [
      ofGroup("group.created", group("old", 1), "old", ["ada"], { ada: 2 }),
      ofUser("user.reactivated", "ada", 3, user("ada", 3), { membershipsEnded: true }),
      ofGroup("group.members_changed", group("old", 4), "old", ["ada"], {}),
      ofGroup("group.members_changed", group("old", 6), "old", ["ada"], { ada: 3 }),
    ],
    { users: { ada: { version: 3, groups: ["old"] } }, groups: { old: ["ada"] } },
  ));

test("a join after a rehire holds, although the user was read before it in one event", () =>
  inAnyOrder(
    [
      ofGroup("group.members_changed", group("staff", 2), "staff", ["ada"], { ada: 4 }),
      ofGroup("group.members_changed", group("staff", 5), "staff", ["ada"], { ada: 3 }),
      ofUser("user.reactivated", "ada", 4, user("ada", 4), { membershipsEnded: true }),
    ],
    { users: { ada: { version: 4, groups: ["staff"] } }, groups: { staff: ["ada"] } },
  ));

test("a purged user stays away", () =>
  inAnyOrder(
    [
      ofUser("user.created", "ada", 1, user("ada", 1)),
      ofGroup("group.created", group("staff", 1), "staff", ["ada"], { ada: 1 }),
      ofUser("user.updated", "ada", 2, null),
      ofUser("user.purged", "ada", 3, null),
    ],
    { users: {}, groups: { staff: [] } },
  ));

test("a deleted group has no members and does not come back", () =>
  inAnyOrder(
    [
      ofUser("user.created", "ada", 1, user("ada", 1)),
      ofGroup("group.created", group("staff", 1), "staff", ["ada"], { ada: 1 }),
      ofGroup("group.members_changed", group("staff", 2), "staff", ["ada"], { ada: 1 }),
      ofGroup("group.deleted", null, "staff"),
    ],
    { users: { ada: { version: 1, groups: [] } }, groups: {} },
  ));

test("a whole new set of members replaces the others, in several events", () =>
  inAnyOrder(
    [
      ofUser("user.created", "bob", 1, user("bob", 1)),
      ofUser("user.created", "cy", 1, user("cy", 1)),
      ofGroup("group.created", group("staff", 1), "staff", ["ada", "bob"], { ada: 1, bob: 1 }),
      ofGroup("group.members_changed", group("staff", 5, { generation: 2 }), "staff", ["bob"], { bob: 1 }, true),
      ofGroup("group.members_changed", group("staff", 6, { generation: 2 }), "staff", ["cy"], { cy: 1 }, true),
      ofGroup("group.members_changed", group("staff", 4), "staff", ["ada"], { ada: 1 }),
    ],
    { users: { bob: { version: 1, groups: ["staff"] }, cy: { version: 1, groups: ["staff"] } }, groups: { staff: ["bob", "cy"] } },
  ));

test("a join after a rehire holds, although the newest fact is that the user is none", () =>
  inAnyOrder(
    [
      ofUser("user.reactivated", "ada", 4, user("ada", 4), { membershipsEnded: true }),
      ofGroup("group.members_changed", group("staff", 3), "staff", ["ada"], {}),
      ofGroup("group.members_changed", group("staff", 2), "staff", ["ada"], { ada: 4 }),
      ofGroup("group.members_changed", group("staff", 5), "staff", ["ada"], { ada: 3 }),
    ],
    { users: { ada: { version: 4, groups: ["staff"] } }, groups: { staff: ["ada"] } },
  ));

test("of two facts at one version, that the user is no member wins", () =>
  inAnyOrder(
    [
      ofUser("user.created", "ada", 1, user("ada", 1)),
      ofGroup("group.members_changed", group("staff", 2), "staff", ["ada"], { ada: 1 }),
      ofGroup("group.members_changed", group("staff", 2), "staff", ["ada"], {}),
    ],
    { users: { ada: { version: 1, groups: [] } }, groups: { staff: [] } },
  ));

test("an unreadable deletion ends the memberships", () =>
  inAnyOrder(
    [
      ofUser("user.created", "ada", 1, user("ada", 1)),
      ofGroup("group.created", group("staff", 1), "staff", ["ada"], { ada: 1 }),
      ofUser("user.deleted", "ada", 2, null, { unreadable: true }),
    ],
    { users: { ada: { version: 1, groups: [] } }, groups: { staff: [] } },
  ));

test("an unreadable record and an operational event change nothing", async () => {
  const mirror = new Mirror(new MemoryStore());
  await mirror.apply(ofUser("user.created", "ada", 1, user("ada", 1)));
  await mirror.apply(ofUser("user.updated", "ada", 2, null, { unreadable: true }));
  await mirror.apply(ofUser("provisioning.failing", "", 0, null));
  await mirror.apply(operational("seats.full"));
  assert.deepEqual((await picture(mirror)).users, { ada: { version: 1, groups: [] } });
});

test("changed is called with a user and its groups when either changes", async () => {
  const seen: string[] = [];
  const mirror = new Mirror(new MemoryStore(), {
    changed: ({ id, user, groups }) => void seen.push(`${id} ${user?.active} ${groups.map((g) => g.displayName)}`),
  });
  const step = async (event: Event, ...want: string[]) => {
    seen.length = 0;
    await mirror.apply(event);
    assert.deepEqual(seen, want, event.type);
  };
  await step(ofUser("user.created", "ada", 1, user("ada", 1)), "ada true ");
  await step(ofGroup("group.created", group("g", 1), "g", ["ada"], { ada: 1 }), "ada true g");
  await step(ofGroup("group.updated", group("g", 2, { displayName: "Admins" }), "g"), "ada true Admins");
  await step(ofUser("user.deactivated", "ada", 2, user("ada", 2, { active: false })), "ada false Admins");
  await step(ofGroup("group.deleted", null, "g"), "ada false ");
  await step(ofUser("user.purged", "ada", 3, null), "ada undefined ");
});

test("nothing of an event is kept when changed fails", async () => {
  let fails = true;
  const mirror = new Mirror(new MemoryStore(), {
    changed: () => {
      if (fails) throw new Error("the application's database is full");
    },
  });
  const event = ofUser("user.created", "ada", 1, user("ada", 1));
  await assert.rejects(mirror.apply(event), /full/);
  assert.deepEqual((await picture(mirror)).users, {});
  fails = false;
  await mirror.apply(event);
  assert.deepEqual(await mirror.ids("acme", "user"), ["ada"]);
});

test("tenants are apart", async () => {
  const mirror = new Mirror(new MemoryStore());
  await mirror.apply(ofUser("user.created", "ada", 1, user("ada", 1), { tenant: "acme" }));
  await mirror.apply(ofUser("user.purged", "ada", 2, null, { tenant: "globex" }));
  assert.deepEqual(await mirror.ids("acme", "user"), ["ada"]);
  assert.deepEqual(await mirror.ids("globex", "user"), []);
});

test("transactions do not overlap", async () => {
  let open = 0;
  class Counted extends MemoryStore {
    override async transaction<T>(work: (records: Records) => Promise<T>): Promise<T> {
      assert.equal(++open, 1);
      try {
        await new Promise(setImmediate);
        return await super.transaction(work);
      } finally {
        open--;
      }
    }
  }
  const mirror = new Mirror(new Counted());
  await Promise.all(["ada", "bob", "cy"].map((id) => mirror.apply(ofUser("user.created", id, 1, user(id, 1)))));
  assert.equal((await mirror.ids("acme", "user")).length, 3);
});
