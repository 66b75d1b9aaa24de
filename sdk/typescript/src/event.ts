/** A user as the application sees it: the document of the admin API. */
export interface User {
  id: string;
  userName: string;
  email: string | null;
  displayName: string | null;
  externalId: string | null;
  origin: "scim" | "manual" | "jit";
  /** Whether an identity provider manages the user. */
  scimManaged: boolean;
  accountType: "user" | "reader";
  active: boolean;
  deactivatedBy: "scim" | "app" | null;
  deleted: boolean;
  protected: boolean;
  /** What the user takes from the tenant's limits. */
  holds: "seat" | "reader" | null;
  /** Orders what is known of the user: a higher version is newer. */
  version: number;
  created: string | null;
  modified: string | null;
}

/** A group as the application sees it, without its members. */
export interface Group {
  id: string;
  displayName: string;
  externalId: string | null;
  origin: string;
  version: number;
  /** Each replacement of all members begins a generation: memberships of an earlier one have ended. */
  generation: number;
  created: string | null;
  modified: string | null;
}

/** The types of events. A later version of rollcall may have others: ignore those you do not know. */
export type EventType =
  | "user.created"
  | "user.updated"
  | "user.deactivated"
  | "user.reactivated"
  | "user.deleted"
  | "user.restored"
  | "user.purged"
  | "user.linked"
  | "group.created"
  | "group.updated"
  | "group.members_changed"
  | "group.deleted"
  | "provisioning.failing"
  | "provisioning.fixed"
  | "seats.full"
  | "seats.available"
  | "token.expiring"
  | "token.refused"
  | "deactivations.unusual"
  | "webhook.disabled"
  | "webhook.test"
  | (string & {});

/** A committed change, or a fact about a tenant's provisioning. */
export interface Event {
  /** Events with the same id are the same event, delivered again. */
  id: string;
  type: EventType;
  /** The URI of RFC 9967, where there is one. */
  scimEvent?: string;
  time: string;
  /** The tenant; absent for an event about the deployment. */
  tenant?: string;
  /** The user or group; absent for an event about the tenant. */
  resource?: EventResource;
  /** Names of the attributes that changed. */
  changed?: string[];
  /** Present on group.created and group.members_changed. */
  members?: EventMembers;
  /** The memberships that the user had before resource.version have ended. */
  membershipsEnded?: boolean;
  actor: { type: "idp" | "application" | "rollcall"; name?: string };
  requestId?: string;
  /** What else is known of an operational event. */
  details?: Record<string, string>;
  /** The user or group at the time of sending; null once it is gone, and for an event about the tenant. */
  data: User | Group | null;
  /** The event was too large for the event bus: data is null, and members may be missing. Never in a webhook or a list. */
  dataOmitted?: boolean;
  /** data is null because the stored record is damaged: keep what you have. */
  unreadable?: boolean;
}

/** The user or group of an event. */
export interface EventResource {
  type: "User" | "Group";
  /** Empty for a user or group that fails before it has a record. */
  id: string;
  /** The version after the change. */
  version: number;
  externalId: string | null;
  userName?: string;
  displayName?: string;
}

/** The members that a change of a group concerns. */
export interface EventMembers {
  added: string[];
  removed: string[];
  /** The change replaced all members: who is in none of the events of the change has left. */
  replaced?: boolean;
  /** Memberships of an earlier generation have ended. */
  generation: number;
  /** Of those in added and removed, the members at data.version. The others are no members. */
  current: { id: string; version: number }[];
}
