import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { verify, WebhookVerificationError } from "../src/index.js";
import { ofUser, user } from "./documents.js";

const secret = "whsec_" + Buffer.alloc(32, 7).toString("base64");
const other = "whsec_" + Buffer.alloc(32, 8).toString("base64");
const event = ofUser("user.created", "ada", 1, user("ada", 1, { displayName: "Ada Lovelace, Gräfin 🌂" }));
const body = JSON.stringify(event);

function signed(signatures = [secret], sent = new Date(), text = body) {
  return {
    "webhook-id": event.id,
    "webhook-timestamp": String(Math.floor(sent.getTime() / 1000)),
    "webhook-signature": signatures.map((s) => new Webhook(s).sign(event.id, sent, text)).join(" "),
  };
}

test("a signed request is its event, of bytes and of text, with headers of both kinds", () => {
  assert.deepEqual(verify(secret, signed(), body), event);
  assert.deepEqual(verify(secret, signed(), Buffer.from(body)), event);
  assert.deepEqual(verify(secret, new Headers(signed()), new Uint8Array(Buffer.from(body))), event);
});

test("during a rotation either secret verifies", () => {
  const headers = signed([other, secret]);
  assert.deepEqual(verify(secret, headers, body), event);
  assert.deepEqual(verify(other, headers, body), event);
  assert.deepEqual(verify([other, secret], signed(), body), event);
});

for (const [name, headers, text] of [
  ["another secret", signed([other]), body],
  ["another body", signed(), body.replace("true", "false")],
  ["another id", { ...signed(), "webhook-id": "another" }, body],
  ["an old request", signed([secret], new Date(Date.now() - 301_000)), body],
  ["a request of the future", signed([secret], new Date(Date.now() + 310_000)), body],
  ["no signature", { ...signed(), "webhook-signature": undefined }, body],
  ["two headers of one name", { ...signed(), "webhook-signature": ["v1,x", "v1,y"] }, body],
  ["no version", { ...signed(), "webhook-signature": signed()["webhook-signature"].slice(3) }, body],
  ["no headers", {}, body],
  ["what is not UTF-8", signed(), Buffer.from([0x7b, 0xff, 0x7d])],
] as const) {
  test(`${name} is refused`, () => {
    assert.throws(() => verify(secret, headers as Record<string, string>, text), WebhookVerificationError);
  });
}

test("a signed body that is not an event is another error", () => {
  for (const text of ["{", "[]", "{}"]) assert.throws(() => verify(secret, signed([secret], new Date(), text), text), SyntaxError);
});

test("without a secret every request is refused", () => {
  assert.throws(() => verify([], signed(), body), WebhookVerificationError);
});
