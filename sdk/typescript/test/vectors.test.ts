import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mock, test } from "node:test";
import { MemoryStore, Mirror, verify, WebhookVerificationError, type Event } from "../src/index.js";
import { orders } from "./documents.js";

// The test vectors are the same in all languages.
interface Vectors {
  mirrors: { name: string; events: Event[]; want: Content }[];
  signatures: { name: string; secrets: string[]; headers: Record<string, string>; body: string; now: number; accepted: boolean }[];
}
interface Content {
  users: { id: string; userName: string; displayName: string | null; active: boolean; deleted: boolean; version: number }[];
  groups: { id: string; displayName: string }[];
  members: [string, string][];
}

const file = process.env["ROLLCALL_MIRROR_VECTORS"] ?? new URL("../../../../mirror/testdata/vectors.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;

async function content(mirror: Mirror): Promise<Content> {
  const all: Content = { users: [], groups: [], members: [] };
  for (const id of await mirror.ids("acme", "user")) {
    const { user } = await mirror.user("acme", id);
    assert.ok(user);
    const { userName, displayName, active, deleted, version } = user;
    all.users.push({ id, userName, displayName, active, deleted, version });
  }
  for (const id of await mirror.ids("acme", "group")) {
    const found = await mirror.group("acme", id);
    assert.ok(found);
    all.groups.push({ id, displayName: found.group.displayName });
    for (const member of found.members) {
      all.members.push([id, member]);
      assert.ok((await mirror.user("acme", member)).groups.some((group) => group.id === id));
    }
  }
  return all;
}

assert.ok(vectors.mirrors.length > 10 && vectors.signatures.length > 10);

for (const { name, events, want } of vectors.mirrors) {
  test(`vector: ${name}`, async () => {
    const reverse = events.toReversed();
    const all = events.length > 5 ? [events, reverse, [...events, ...reverse]] : orders(events);
    for (const order of all) {
      const mirror = new Mirror(new MemoryStore());
      for (const event of order) await mirror.apply(event);
      assert.deepEqual(await content(mirror), want);
    }
  });
}

for (const { name, secrets, headers, body, now, accepted } of vectors.signatures) {
  test(`vector: signature: ${name}`, () => {
    mock.timers.enable({ apis: ["Date"], now: now * 1000 });
    try {
      const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      const check = () => verify(secrets, lower, body);
      if (accepted && !("id" in JSON.parse(body))) assert.throws(check, SyntaxError); // accepted, and not ours
      else if (accepted) check();
      else assert.throws(check, WebhookVerificationError);
    } finally {
      mock.timers.reset();
    }
  });
}
