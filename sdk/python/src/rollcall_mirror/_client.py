"""Reads the admin API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from ._event import Event, Group, User


@dataclass(frozen=True)
class Answer:
    """The answer to a request. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Send = Callable[[str, Mapping[str, str]], Answer]
"""Sends a GET request to a URL with headers. Of a deployment, it signs the request for AWS."""


class Problem(Exception):
    """A refusal of the admin API (RFC 9457)."""

    def __init__(self, status: int, type: str, detail: str, request_id: str, next: str | None) -> None:
        super().__init__(f"rollcall answered {status} {type}: {detail} (request {request_id})")
        self.status = status
        self.type = type
        """The end of the problem's type, for example "not-found"."""
        self.detail = detail
        self.request_id = request_id
        self.next = next
        """Of a cursor that is older than the log: where to continue after everything was listed."""


class EventsPage(TypedDict):
    """A page of events, oldest first."""

    events: list[Event]
    next: str
    """Where the next page begins."""
    caughtUpTo: str
    """All events up to this time are in this page and those before, unless more is true."""
    more: bool


class _ListedMember(TypedDict):
    id: str


class _MembersPage(TypedDict):
    group: Group
    members: list[_ListedMember]


class MembersPage(_MembersPage, total=False):
    """A page of the members of a group."""

    next: str


_ATTEMPTS = 5  # of a request, while the service is busy


class Client:
    """Reads events, users and groups from the admin API. It changes nothing.

    The URL ends in /admin/v1. The token is the admin token of `rollcall local`.
    """

    def __init__(self, url: str, *, token: str | None = None, send: Send | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"accept": "application/json"}
        if token is not None:
            self._headers["authorization"] = f"Bearer {token}"
        self._send = send or _send

    def events(self, tenant: str, after: str | None = None, limit: int = 500) -> EventsPage:
        """Returns a page of a tenant's events: those after a cursor, or the oldest that are kept."""
        return cast(EventsPage, self._get("tenants", tenant, "events", limit=str(limit), after=after))

    def users(self, tenant: str) -> Iterator[User]:
        """Lists the users of a tenant, the deleted ones too."""
        yield from self._list("users", "tenants", tenant, "users", deleted="true")

    def user(self, tenant: str, id: str) -> User | None:
        """Returns a user, or None for one that was deleted for good."""
        return cast("User | None", self._find("tenants", tenant, "users", id))

    def groups(self, tenant: str) -> Iterator[Group]:
        """Lists the groups of a tenant."""
        yield from self._list("groups", "tenants", tenant, "groups")

    def members(self, tenant: str, group: str, after: str | None = None) -> MembersPage | None:
        """Returns a page of a group's members, or None for a deleted group."""
        return cast("MembersPage | None", self._find("tenants", tenant, "groups", group, "members", limit="200", after=after))

    def _list(self, name: str, *path: str, **query: str | None) -> Iterator[Any]:
        after: str | None = None
        while True:
            page = self._get(*path, limit="200", after=after, **query)
            yield from page[name]
            after = page.get("next")
            if not after:
                return

    def _find(self, *path: str, **query: str | None) -> Any:
        try:
            return self._get(*path, **query)
        except Problem as problem:
            if problem.status == 404 and problem.type == "not-found":
                return None
            raise

    def _get(self, *path: str, **query: str | None) -> Any:
        url = "/".join([self._url, *(urllib.parse.quote(part, safe="") for part in path)])
        sent = {name: value for name, value in query.items() if value}
        if sent:
            url += "?" + urllib.parse.urlencode(sent)
        attempt = 0
        while True:
            answer = self._send(url, self._headers)
            if answer.status == 200:
                return json.loads(answer.body)
            attempt += 1
            if (answer.status < 500 and answer.status != 429) or attempt == _ATTEMPTS:
                raise _problem(answer)
            after = answer.headers.get("retry-after", "")
            time.sleep(min(int(after) if after.isdecimal() else 1, 30))


def _problem(answer: Answer) -> Problem:
    try:
        members = json.loads(answer.body)
    except ValueError:  # not of the service: a gateway's answer
        members = None
    word: Callable[[str], str] = lambda name: str(members.get(name) or "") if isinstance(members, dict) else ""  # noqa: E731
    type = word("type").replace("#", "/").rsplit("/", 1)[-1]
    return Problem(answer.status, type, word("detail"), word("requestId"), word("next") or None)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None  # a token is sent to no other address


def _send(url: str, headers: Mapping[str, str]) -> Answer:
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if urllib.parse.urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost"):
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers=dict(headers))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=30) as response:
            return _answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error.headers, error.read())


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    return Answer(status, {name.lower(): value for name, value in headers.items()}, body)
