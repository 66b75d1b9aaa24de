"""The documents of the admin API and of webhooks, as they are in JSON."""

from __future__ import annotations

from typing import Literal, TypedDict


class User(TypedDict):
    """A user as the application sees it."""

    id: str
    userName: str
    email: str | None
    displayName: str | None
    externalId: str | None
    origin: Literal["scim", "manual", "jit"]
    scimManaged: bool
    """Whether an identity provider manages the user."""
    accountType: Literal["user", "reader"]
    active: bool
    deactivatedBy: Literal["scim", "app"] | None
    deleted: bool
    protected: bool
    holds: Literal["seat", "reader"] | None
    """What the user takes from the tenant's limits."""
    version: int
    """Orders what is known of the user: a higher version is newer."""
    created: str | None
    modified: str | None


class Group(TypedDict):
    """A group as the application sees it, without its members."""

    id: str
    displayName: str
    externalId: str | None
    origin: str
    version: int
    generation: int
    """Each replacement of all members begins a generation: memberships of an earlier one have ended."""
    created: str | None
    modified: str | None


class _EventResource(TypedDict):
    type: Literal["User", "Group"]
    id: str
    """Empty for a user or group that fails before it has a record."""
    version: int
    """The version after the change."""
    externalId: str | None


class EventResource(_EventResource, total=False):
    """The user or group of an event."""

    userName: str
    displayName: str


class EventMember(TypedDict):
    """A member of a group at the time of sending, with the user's version at that time."""

    id: str
    version: int


class _EventMembers(TypedDict):
    added: list[str]
    removed: list[str]
    generation: int
    """Memberships of an earlier generation have ended."""
    current: list[EventMember]
    """Of those in added and removed, the members at data.version. The others are no members."""


class EventMembers(_EventMembers, total=False):
    """The members that a change of a group concerns."""

    replaced: bool
    """The change replaced all members: who is in none of the events of the change has left."""


class _EventActor(TypedDict):
    type: Literal["idp", "application", "rollcall"]


class EventActor(_EventActor, total=False):
    """Who caused an event."""

    name: str
    """The identity provider, or the person that the application named."""


class _Event(TypedDict):
    id: str
    """Events with the same id are the same event, delivered again."""
    type: str
    """For example user.deactivated. A later version of rollcall may have others: ignore those you do not know."""
    time: str
    actor: EventActor
    data: User | Group | None
    """The user or group at the time of sending; None once it is gone, and for an event about the tenant."""


class Event(_Event, total=False):
    """A committed change, or a fact about a tenant's provisioning."""

    scimEvent: str
    """The URI of RFC 9967, where there is one."""
    tenant: str
    """The tenant; absent for an event about the deployment."""
    resource: EventResource
    """The user or group; absent for an event about the tenant."""
    changed: list[str]
    """Names of the attributes that changed."""
    members: EventMembers
    """Present on group.created and group.members_changed."""
    membershipsEnded: bool
    """The memberships that the user had before resource.version have ended."""
    requestId: str
    details: dict[str, str]
    """What else is known of an operational event."""
    dataOmitted: bool
    """The event was too large for the event bus: data is None, and members may be missing. Never in a webhook or a list."""
    unreadable: bool
    """data is None because the stored record is damaged: keep what you have."""
