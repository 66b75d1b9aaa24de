"""The mirror: what is stored, and which of two facts is newer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypedDict, TypeVar, cast

from ._client import Client, Problem
from ._event import Event, Group, User
from ._store import R, Records, Store

T = TypeVar("T")


@dataclass(frozen=True)
class Member:
    """A user with its groups, as the mirror knows them."""

    tenant: str
    id: str
    user: User | None
    """None for a user that is unknown, or was deleted for good."""
    groups: list[Group]
    """The groups that the user is a member of, in the order of their names."""


class _UserRecord(TypedDict):
    """What is known of a user.

    `ended` is the highest version before which all its memberships have ended.
    """

    data: User | None
    """The document with the highest version; None if there is none."""
    gone: bool
    """The user was deleted for good."""
    ended: int


class _GroupRecord(TypedDict):
    """What is known of a group, in the same way.

    `generation` is the highest that a replacement of all members has begun.
    """

    data: Group | None
    gone: bool
    generation: int


class _Fact(TypedDict):
    """Whether a user was a member of a group, at the highest version of the group that was seen.

    `user` is the highest version of the user with which it was ever seen as a member.
    """

    version: int
    generation: int
    user: int
    member: bool


def _is_member(user: _UserRecord | None, group: _GroupRecord | None, fact: _Fact | None) -> bool:
    """Reports whether a user is a member of a group, by the three records.

    Each value of the records is a maximum, so it does not matter in which order events come,
    and how often. Memberships that have ended stay: without them, an older fact would begin
    them again.
    """
    if not user or not user["data"] or not group or not group["data"] or not fact:
        return False
    return fact["member"] and fact["user"] >= user["ended"] and fact["generation"] >= group["generation"]


class LossError(Exception):
    """Unusually many users or groups are gone.

    More likely than such a loss is a client of another deployment, and what is removed from a
    mirror never returns.
    """


class Mirror(Generic[R]):
    """A copy of the users, groups and memberships of tenants, kept by events.

    Each event has what was true when it was sent, with versions. So events may come twice and
    in any order: what is older than what is stored is ignored. A lost event is repaired by
    `pull`.

    `changed` is called in the transaction of a change for each user that may have changed, or
    whose groups may have: make the application's own record of the user agree. It may be
    called again without a change.

    A Mirror may be used by several threads.
    """

    def __init__(self, store: Store[R], changed: Callable[[Member, R], None] | None = None) -> None:
        self._store = store
        self._changed = changed
        self._alone = threading.Lock()

    def apply(self, event: Event) -> None:
        """Applies an event. Answer a webhook's request with 2xx only after this has returned."""
        self._change(event.get("tenant", ""), lambda change: change.event(event))

    def pull(self, client: Client, tenant: str) -> None:
        """Reads the events since the last call, and applies them.

        The first call, and one after a pause that is longer than the log is kept, lists
        everything before.
        """
        key = _cursor_key(tenant)
        cursor = self._read(lambda records: records.get(key))
        if cursor is None:
            self.reconcile(client, tenant)
        more = True
        while more:
            try:
                page = client.events(tenant, cursor)
                for event in page["events"]:
                    self.apply(event)
                cursor, more = page["next"], page["more"]
            except Problem as problem:
                if problem.status != 410 or problem.next is None:
                    raise
                cursor = problem.next
                self.reconcile(client, tenant)
            self._set_cursor(tenant, cursor)

    def _set_cursor(self, tenant: str, cursor: str) -> None:
        self._change(tenant, lambda change: change.records.set(_cursor_key(tenant), cursor))

    def reconcile(self, client: Client, tenant: str, *, allow_loss: bool = False) -> int:
        """Compares everything with the service, repairs what differs, and returns how much of it differed.

        It counts users, groups and memberships. The version of a group is no difference: it
        also moves without an event, when a member is deleted.

        Run it each night: it also finds what was changed in the application's database by
        mistake, because `changed` is called for each user. It raises LossError when more than
        ten users, and more than a tenth of them, are gone, or as many groups, unless
        allow_loss is true.
        """
        differed = 0

        def apply(work: Callable[[_Change[R]], None]) -> None:
            nonlocal differed
            differed += self._change(tenant, work)

        def lost(type: str, known: list[str], listed: Container[str], look: Callable[[str], bool]) -> list[str]:
            """Returns what is gone. The rest of what was not listed was created after the list had passed its place."""
            gone = [id for id in known if id not in listed and not look(id)]
            if not allow_loss and len(gone) > max(10, len(known) / 10):
                raise LossError(f"{len(gone)} of {len(known)} {type}s are gone at the service; nothing of that was applied")
            return gone

        # Users first, then groups, then memberships: a membership ends with its user's version.
        versions: dict[str, int] = {}

        def see(user: User | None) -> bool:
            if user is None:
                return False
            versions[user["id"]] = _seen(user)
            apply(lambda change: change.user(user["id"], user, False, 0))
            return True

        users = self.ids(tenant, "user")
        for user in client.users(tenant):
            see(user)
        for id in lost("user", users, versions, lambda id: see(client.user(tenant, id))):
            apply(lambda change, id=id: change.user(id, None, True, 0))  # type: ignore[misc]

        def members(id: str) -> bool:
            found = _members_of(client, tenant, id)
            if found is None:
                return False
            apply(lambda change: change.members(found[0], found[1], versions))
            return True

        groups = self.ids(tenant, "group")
        listed = [group["id"] for group in client.groups(tenant)]
        for id in listed:
            members(id)
        for id in lost("group", groups, frozenset(listed), members):
            apply(lambda change, id=id: change.group(id, None, True, 0))  # type: ignore[misc]
        return differed

    def user(self, tenant: str, id: str) -> Member:
        """Returns a user and its groups."""
        return self._read(lambda records: _Change(tenant, records).state(id))

    def group(self, tenant: str, id: str) -> tuple[Group, list[str]] | None:
        """Returns a group and the ids of its members; None if there is none."""
        return self._read(lambda records: _Change(tenant, records).members_of(id))

    def ids(self, tenant: str, type: Literal["user", "group"]) -> list[str]:
        """Returns the ids of all users or groups that the mirror has, without those that are gone."""
        prefix = f"{tenant}/{type}/"

        def read(records: R) -> list[str]:
            change = _Change(tenant, records)
            return sorted(key[len(prefix) :] for key in records.keys(prefix) if (change.get(key) or {}).get("data"))

        return self._read(read)

    def _read(self, work: Callable[[R], T]) -> T:
        with self._alone, self._store.transaction() as records:
            return work(records)

    def _change(self, tenant: str, work: Callable[[_Change[R]], None]) -> int:
        """Runs a change in a transaction, and returns how many users, groups and memberships differed before."""
        with self._alone, self._store.transaction() as records:
            change = _Change(tenant, records)
            work(change)
            if self._changed is not None:
                for id in change.touched:
                    self._changed(change.state(id), records)
            return change.differed


def _seen(user: User) -> int:
    """Returns the version that a membership of a user was seen with: those of a deleted one have ended."""
    return 0 if user["deleted"] else user["version"]


def _members_of(client: Client, tenant: str, id: str) -> tuple[Group, set[str]] | None:
    """Reads all members of a group, under one generation; None if the group is gone."""
    while True:
        page = first = client.members(tenant, id)
        if first is None:
            return None
        ids: set[str] = set()
        while page is not None and page["group"]["generation"] == first["group"]["generation"]:
            ids.update(member["id"] for member in page["members"])
            after = page.get("next")
            if not after:
                return first["group"], ids
            page = client.members(tenant, id, after)


def _user_key(tenant: str, id: str) -> str:
    return f"{tenant}/user/{id}"


def _group_key(tenant: str, id: str) -> str:
    return f"{tenant}/group/{id}"


def _fact_key(tenant: str, group: str, user: str) -> str:
    return f"{tenant}/member/{group}/{user}"


def _back_key(tenant: str, user: str, group: str) -> str:
    return f"{tenant}/of/{user}/{group}"


def _cursor_key(tenant: str) -> str:
    return f"{tenant}/cursor"


class _Change(Generic[R]):
    """One change of a tenant's records, inside of a transaction."""

    def __init__(self, tenant: str, records: R) -> None:
        self.tenant = tenant
        self.records = records
        self.touched: dict[str, None] = {}
        self.differed = 0
        """How many users, groups and listed memberships differed. Versions alone are no difference."""

    def event(self, event: Event) -> None:
        resource = event.get("resource")
        # An operational event may name a user that was refused; it is no change of one.
        if resource is None or not resource["id"] or not event["type"].startswith(resource["type"].lower() + "."):
            return
        # Only these two say that something is gone. Data that is None of another event has no meaning.
        data, gone = event["data"], event["type"] in ("user.purged", "group.deleted")
        if resource["type"] == "User":
            ends = event.get("membershipsEnded") or event["type"] == "user.deleted" or gone
            self.user(resource["id"], cast("User | None", data), gone, resource["version"] if ends else 0)
            return
        members = event.get("members")
        self.group(resource["id"], cast("Group | None", data), gone, members["generation"] if members and members.get("replaced") else 0)
        version = data["version"] if data else resource["version"]
        if gone or members is None or version == 0:
            return
        current = {member["id"]: member["version"] for member in members["current"]}
        for id in dict.fromkeys([*members["added"], *members["removed"]]):
            fact = _Fact(version=version, generation=members["generation"], user=current.get(id, 0), member=id in current)
            self._fact(resource["id"], id, fact)

    def user(self, id: str, data: User | None, gone: bool, ended: int) -> None:
        """Stores a user. Without data it is not known, or gone."""
        key = _user_key(self.tenant, id)
        before: _UserRecord = self.get(key) or _UserRecord(data=None, gone=False, ended=0)
        after = _UserRecord(data=_newest(before["data"], data), gone=before["gone"] or gone, ended=max(before["ended"], ended))
        if data and data["deleted"]:  # a deleted user has no memberships
            after["ended"] = max(after["ended"], data["version"])
        if after["gone"]:
            after["data"] = None
        self._set(key, after)
        if (before["data"], before["gone"]) != (after["data"], after["gone"]):
            self.differed += 1
        self.touched[id] = None

    def group(self, id: str, data: Group | None, gone: bool, generation: int) -> None:
        """Stores a group. Without data it is not known, or gone."""
        key = _group_key(self.tenant, id)
        before: _GroupRecord = self.get(key) or _GroupRecord(data=None, gone=False, generation=0)
        after = _GroupRecord(
            data=_newest(before["data"], data), gone=before["gone"] or gone, generation=max(before["generation"], generation)
        )
        if after["gone"]:
            after["data"] = None
        self._set(key, after)
        # The version of a group also moves without an event of the group.
        if (before["gone"], _shown(before)) != (after["gone"], _shown(after)):
            self.differed += 1
        if (before["generation"], _shown(before)) != (after["generation"], _shown(after)):
            self.touched.update(dict.fromkeys(self._users_of(id)))

    def members(self, group: Group, ids: set[str], versions: dict[str, int]) -> None:
        """Makes the memberships of a group those of a list. The users had at least these versions."""
        id = group["id"]
        before = self._members(id)
        self.group(id, group, False, group["generation"])
        for user in sorted({*ids, *self._users_of(id)}):
            member = user in ids
            if member and user not in versions:
                continue  # created during the listing: the events report the membership
            version = versions[user] if member else 0
            self._fact(id, user, _Fact(version=group["version"], generation=group["generation"], user=version, member=member))
        self.differed += len(before ^ self._members(id))

    def _fact(self, group: str, user: str, fact: _Fact) -> None:
        """Stores whether a user is a member, unless something newer is known.

        Of two facts at one version, that the user is no member wins: a later change separates
        them, and has its own event.
        """
        key = _fact_key(self.tenant, group, user)
        before: _Fact = self.get(key) or _Fact(version=0, generation=0, user=0, member=False)
        newer = fact["version"] > before["version"] or (fact["version"] == before["version"] and not fact["member"])
        after = (fact if newer else before).copy()
        # The fact with the higher version was read later, so the user had at least the version of the other.
        after["user"] = max(before["user"], fact["user"])
        if self._set(key, after):
            self._set(_back_key(self.tenant, user, group), True)
            self.touched[user] = None

    def state(self, id: str) -> Member:
        """Returns a user with its groups."""
        user: _UserRecord | None = self.get(_user_key(self.tenant, id))
        groups: list[Group] = []
        for group in self._groups_of(id) if user else ():
            record: _GroupRecord | None = self.get(_group_key(self.tenant, group))
            if record and record["data"] and _is_member(user, record, self.get(_fact_key(self.tenant, group, id))):
                groups.append(record["data"])
        groups.sort(key=lambda group: (group["displayName"], group["id"]))
        return Member(self.tenant, id, user["data"] if user else None, groups)

    def members_of(self, id: str) -> tuple[Group, list[str]] | None:
        """Returns a group with the ids of its members."""
        group: _GroupRecord | None = self.get(_group_key(self.tenant, id))
        if group is None or group["data"] is None:
            return None
        return group["data"], sorted(self._members(id))

    def _members(self, id: str) -> set[str]:
        group: _GroupRecord | None = self.get(_group_key(self.tenant, id))
        users = self._users_of(id) if group else []
        return {user for user in users if _is_member(self.get(_user_key(self.tenant, user)), group, self.get(_fact_key(self.tenant, id, user)))}

    def _users_of(self, group: str) -> list[str]:
        return self._ends(_fact_key(self.tenant, group, ""))

    def _groups_of(self, user: str) -> list[str]:
        return self._ends(_back_key(self.tenant, user, ""))

    def _ends(self, prefix: str) -> list[str]:
        return [key[len(prefix) :] for key in self.records.keys(prefix)]

    def get(self, key: str) -> Any:
        text = self.records.get(key)
        return None if text is None else json.loads(text)

    def _set(self, key: str, value: object) -> bool:
        """Stores a record, and reports whether it changed."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if self.records.get(key) == text:
            return False
        self.records.set(key, text)
        return True


D = TypeVar("D", User, Group)


def _newest(before: D | None, data: D | None) -> D | None:
    """Returns the newer of what is stored and a document."""
    if data is None or (before is not None and before["version"] > data["version"]):
        return before
    return data


def _shown(group: _GroupRecord) -> object:
    data = group["data"]
    return data and (data["displayName"], data.get("externalId"))
