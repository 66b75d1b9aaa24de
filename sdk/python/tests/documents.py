"""Documents for tests."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, cast

from rollcall_mirror import Event, Group, User

_events = itertools.count(1)


def user(id: str, version: int, **change: Any) -> User:
    address = f"{id}@example.com"
    document = {
        "id": id, "version": version, "userName": address, "email": address, "displayName": id, "externalId": None,
        "origin": "scim", "scimManaged": True, "accountType": "user", "active": True, "deactivatedBy": None, "deleted": False,
        "protected": False, "holds": "seat", "created": None, "modified": None,
    }  # fmt: skip
    return cast(User, {**document, **change})


def group(id: str, version: int, **change: Any) -> Group:
    document = {
        "id": id, "version": version, "generation": 1, "displayName": id, "externalId": None, "origin": "scim", "created": None,
        "modified": None,
    }  # fmt: skip
    return cast(Group, {**document, **change})


def event(type: str, **rest: Any) -> Event:
    document = {"id": f"event-{next(_events)}", "type": type, "time": "2026-12-01T00:00:00Z", "tenant": "acme", "actor": {"type": "idp"}}
    return cast(Event, {**document, "data": None, **rest})


def of_user(type: str, id: str, version: int, data: User | None, **rest: Any) -> Event:
    return event(type, resource={"type": "User", "id": id, "version": version, "externalId": None}, data=data, **rest)


def of_group(
    type: str, id: str, data: Group | None, named: Sequence[str] = (), members: Mapping[str, int] | None = None, replaced: bool = False
) -> Event:
    """An event of a group. Of the named users, members has those who are members, with their versions."""
    facts: dict[str, Any] = {
        "added": list(named), "removed": [], "generation": data["generation"] if data else 0,
        "current": [{"id": user, "version": version} for user, version in (members or {}).items()],
    }  # fmt: skip
    if replaced:
        facts["replaced"] = True
    resource = {"type": "Group", "id": id, "version": data["version"] if data else 0, "externalId": None}
    return event(type, resource=resource, data=data, members=facts)
