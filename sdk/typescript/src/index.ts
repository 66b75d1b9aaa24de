export { Client, Problem, type Answer, type ClientOptions, type EventsPage, type Fetch, type MembersPage } from "./client.js";
export type { Event, EventMembers, EventResource, EventType, Group, User } from "./event.js";
export { LossError, Mirror, type Member, type MirrorOptions } from "./mirror.js";
export { MemoryStore, type Records, type Store } from "./store.js";
export { verify, WebhookVerificationError, type WebhookHeaders } from "./webhook.js";
