import { Webhook, WebhookVerificationError } from "standardwebhooks";
import type { Event } from "./event.js";

/** The request is not from rollcall, or too old: answer 401, and use nothing of it. */
export { WebhookVerificationError };

/** Headers as node:http has them, or as a Request has them. */
export type WebhookHeaders =
  | Record<string, string | string[] | undefined>
  | { get(name: string): string | null };

/**
 * Returns the event of a webhook's request. It throws WebhookVerificationError unless the
 * request was signed with the secret, or with one of several, within the last five minutes.
 *
 * The body must be the bytes as they were received: a body that was parsed and written again
 * has another signature. A signed body that is not an event is a SyntaxError.
 */
export function verify(secret: string | string[], headers: WebhookHeaders, body: Uint8Array | string): Event {
  const signed = (name: string): string => {
    const value = isHeaders(headers) ? headers.get(name) : headers[name];
    return typeof value === "string" ? value : "";
  };
  const text = typeof body === "string" ? body : decode(body);
  const names = { "webhook-id": signed("webhook-id"), "webhook-timestamp": signed("webhook-timestamp"), "webhook-signature": signed("webhook-signature") };
  let refused = new WebhookVerificationError("There is no secret");
  for (const webhook of [secret].flat().map((s) => new Webhook(s))) {
    try {
      webhook.verify(text, names, { jsonParse: false });
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
      refused = error;
      continue;
    }
    const event: unknown = JSON.parse(text);
    if (!isEvent(event)) throw new SyntaxError("The body is not an event");
    return event;
  }
  throw refused;
}

function isHeaders(headers: WebhookHeaders): headers is { get(name: string): string | null } {
  return typeof headers["get"] === "function";
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new WebhookVerificationError("The body is not UTF-8");
  }
}

function isEvent(value: unknown): value is Event {
  return typeof value === "object" && value !== null && "id" in value && typeof value.id === "string" && "type" in value && typeof value.type === "string";
}
