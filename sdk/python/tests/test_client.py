from __future__ import annotations

import json
import threading
import unittest
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rollcall_mirror import Answer, Client, Event, Group, LossError, Member, MemoryStore, Mirror, Problem, Records, User

from .documents import group, of_group, of_user, user


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def problem(status: int, type: str, **rest: str) -> Answer:
    members = {"type": f"https://example.com/admin-api.md#{type}", "status": status, "detail": "It is so.", "requestId": "r1", **rest}
    return answer(members, status, **{"retry-after": "0"})


class Service:
    """A service with users, groups, members and events, which a test changes."""

    def __init__(self) -> None:
        self.users: list[User] = []
        self.groups: list[Group] = []
        self.members: dict[str, list[str]] = {}
        self.pages: dict[str | None, dict[str, Any]] = {}
        self.expired: dict[str, str] = {}
        self.before: Callable[[str], object] = lambda path: None
        self.sent: list[str] = []
        self.client = Client("http://127.0.0.1:8080/admin/v1/", token="rca_local_1", send=self.send)

    def page(self, after: str | None, next: str, *events: Event, more: bool = False) -> None:
        self.pages[after] = {"events": list(events), "next": next, "more": more, "caughtUpTo": "2026-12-01T00:00:00Z"}

    def send(self, url: str, headers: Mapping[str, str]) -> Answer:
        assert headers["authorization"] == "Bearer rca_local_1"
        parts = urlsplit(url)
        path = parts.path.removeprefix("/admin/v1/tenants/acme/")
        after = parse_qs(parts.query).get("after", [None])[0]
        self.sent.append(f"{path}?{parts.query}")
        self.before(path)
        kind, _, rest = path.partition("/")
        id, _, sub = rest.partition("/")
        if kind == "events":
            if after in self.expired:
                return problem(410, "gone", next=self.expired[after])
            return answer(self.pages[after])

        def listed(name: str, all: list[Any], **rest: Any) -> Answer:
            first = int(after or 0)  # pages of two
            page = {name: all[first : first + 2], **rest}
            return answer({**page, "next": str(first + 2)} if len(all) > first + 2 else page)

        records: list[Any] = [*(self.users if kind == "users" else self.groups)]
        if not id:
            return listed(kind, records)
        found = next((record for record in records if record["id"] == id), None)
        if found is None:
            return problem(404, "not-found")
        return listed("members", [{"id": id} for id in self.members[id]], group=found) if sub else answer(found)


class ClientTest(unittest.TestCase):
    def test_answer_without_success_is_a_problem(self) -> None:
        with self.assertRaises(Problem) as caught:
            Client("http://127.0.0.1/admin/v1", send=lambda url, headers: problem(403, "not-authorized")).events("acme")
        error = caught.exception
        self.assertEqual((error.status, error.type, error.detail, error.request_id), (403, "not-authorized", "It is so.", "r1"))
        for body in (b"<html>", b"[]"):
            with self.assertRaises(Problem):
                Client("http://127.0.0.1/admin/v1", send=lambda url, headers, body=body: answer(body, 502, **{"retry-after": "0"})).events("acme")  # type: ignore[misc]

    def test_busy_service_is_asked_again_and_not_without_end(self) -> None:
        service = Service()
        service.page(None, "c")
        answers: list[str] = []

        def busy(until: int) -> Client:
            answers.clear()

            def send(url: str, headers: Mapping[str, str]) -> Answer:
                answers.append(url)
                return problem(503, "busy") if len(answers) < until else answer(service.pages[None])

            return Client("http://127.0.0.1/admin/v1", send=send)

        self.assertEqual(busy(3).events("acme"), service.pages[None])
        with self.assertRaises(Problem):
            busy(1000).events("acme")
        self.assertEqual(len(answers), 5)

    def test_requests_over_http(self) -> None:
        seen: list[tuple[str, str | None]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append((self.path, self.headers["Authorization"]))
                redirect = "redirect" in self.path
                body = json.dumps({"id": "ada"} if seen[0] == seen[-1] else {"type": "x#not-found"}).encode()
                self.send_response(302 if redirect else 200 if len(seen) == 1 else 404)
                if redirect:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                client = Client(f"http://127.0.0.1:{server.server_port}/admin/v1", token="rca_local_1")
                self.assertEqual(client.user("a b/c", "ada"), {"id": "ada"})
                self.assertIsNone(client.user("acme", "bob"))
                with self.assertRaises(Problem) as caught:
                    client.user("acme", "redirect")
            finally:
                server.shutdown()
                thread.join()
        self.assertEqual(caught.exception.status, 302)
        self.assertEqual(seen[0], ("/admin/v1/tenants/a%20b%2Fc/users/ada", "Bearer rca_local_1"))
        self.assertEqual(len(seen), 3)


class PullTest(unittest.TestCase):
    def setUp(self) -> None:
        self.service, self.mirror = Service(), Mirror(MemoryStore())

    def members(self) -> list[str] | None:
        found = self.mirror.group("acme", "staff")
        return found[1] if found else None

    def version(self, id: str) -> int | None:
        found = self.mirror.user("acme", id).user
        return found["version"] if found else None

    def test_first_pull_lists_everything_and_the_next_one_continues(self) -> None:
        service = self.service
        service.users = [user("ada", 3), user("bob", 1), user("cy", 1)]
        service.groups, service.members = [group("staff", 2)], {"staff": ["ada", "bob", "cy"]}
        service.page(None, "c1", of_user("user.created", "ada", 1, user("ada", 3)), more=True)
        service.page("c1", "c2", of_user("user.created", "dee", 1, user("dee", 1)))
        service.page("c2", "c3", of_group("group.members_changed", "staff", group("staff", 3), ["bob"]))
        self.mirror.pull(service.client, "acme")
        self.assertEqual(self.mirror.ids("acme", "user"), ["ada", "bob", "cy", "dee"])
        self.assertEqual(self.members(), ["ada", "bob", "cy"])
        service.sent.clear()
        self.mirror.pull(service.client, "acme")
        self.assertEqual(self.members(), ["ada", "cy"])
        self.assertEqual(service.sent, ["events?limit=500&after=c2"])

    def test_cursor_older_than_the_log_lists_everything_and_continues(self) -> None:
        service = self.service
        service.users = [user("ada", 1), user("bob", 1)]
        service.groups, service.members = [group("staff", 1), group("gone", 1)], {"staff": ["ada", "bob"], "gone": []}
        service.page(None, "old")
        self.mirror.pull(service.client, "acme")

        service.users = [user("bob", 2, active=False)]
        service.groups, service.members = [group("staff", 4)], {"staff": ["bob"]}
        service.expired = {"old": "fresh"}
        service.page("fresh", "next")
        self.mirror.pull(service.client, "acme")
        self.assertEqual(self.mirror.ids("acme", "user"), ["bob"])
        self.assertEqual(self.mirror.ids("acme", "group"), ["staff"])
        self.assertEqual(self.version("bob"), 2)
        service.page("next", "next")
        self.mirror.pull(service.client, "acme")

    def test_interrupted_pull_continues_where_it_was(self) -> None:
        fails = True

        def changed(member: Member, records: Records) -> None:
            if fails and member.id == "bob":
                raise OSError("the database is away")

        service, mirror = self.service, Mirror(MemoryStore(), changed)
        service.page(None, "c1", of_user("user.created", "ada", 1, user("ada", 1)), more=True)
        service.page("c1", "c2", of_user("user.created", "bob", 1, user("bob", 1)))
        with self.assertRaises(OSError):
            mirror.pull(service.client, "acme")
        fails = False
        service.sent.clear()
        mirror.pull(service.client, "acme")
        self.assertEqual(service.sent, ["events?limit=500&after=c1"])
        self.assertEqual(mirror.ids("acme", "user"), ["ada", "bob"])

    def test_reconciliation_counts_what_differed_and_calls_changed_for_each_user(self) -> None:
        seen: list[str] = []
        service, mirror = self.service, Mirror(MemoryStore(), lambda member, records: seen.append(member.id))
        service.users = [user("ada", 1), user("bob", 1), user("cy", 1)]
        service.groups, service.members = [group("staff", 1)], {"staff": ["ada"]}
        self.assertNotEqual(mirror.reconcile(service.client, "acme"), 0)
        self.assertEqual(mirror.reconcile(service.client, "acme"), 0)
        seen.clear()
        service.groups, service.members = [group("staff", 2)], {"staff": ["ada", "bob"]}
        self.assertNotEqual(mirror.reconcile(service.client, "acme"), 0)
        self.assertEqual(seen[:3], ["ada", "bob", "cy"])
        self.mirror = mirror
        self.assertEqual(self.members(), ["ada", "bob"])

    def test_reconciliation_counts_users_groups_and_memberships_and_no_versions(self) -> None:
        ids = [f"u{i}" for i in range(5)]
        service = self.service
        service.users = [user(id, 1) for id in ids]
        service.groups, service.members = [group("staff", 1)], {"staff": ids[:4]}
        self.assertEqual(self.mirror.reconcile(service.client, "acme"), 5 + 1 + 4)
        steps: list[tuple[str, Callable[[], object], int]] = [
            ("a version that moved without an event", lambda: self._staff(group("staff", 2), ids[:4]), 0),
            ("one joined", lambda: self._staff(group("staff", 3), ids), 1),
            ("two left", lambda: self._staff(group("staff", 4), ids[2:]), 2),
            ("a replacement of all members", lambda: self._staff(group("staff", 5, generation=2), ids[:3]), 2 + 2),
            ("another name", lambda: self._staff(group("staff", 6, generation=2, displayName="Crew"), ids[:3]), 1),
            ("a user changed", lambda: service.users.__setitem__(0, user("u0", 2, active=False)), 1),
            ("a group is gone", lambda: setattr(service, "groups", []), 1),
        ]
        for name, change, differ in steps:
            change()
            self.assertEqual(self.mirror.reconcile(service.client, "acme"), differ, name)
            self.assertEqual(self.mirror.reconcile(service.client, "acme"), 0, name)

    def _staff(self, staff: Group, members: list[str]) -> None:
        self.service.groups, self.service.members = [staff], {"staff": members}

    def test_what_was_pushed_during_a_reconciliation_is_newer_than_the_lists(self) -> None:
        service = self.service
        service.users = [user("ada", 1), user("bob", 1)]
        service.groups, service.members = [group("staff", 5)], {"staff": ["ada", "bob"]}

        def push(path: str) -> None:
            if path == "groups":
                self.mirror.apply(of_user("user.deactivated", "bob", 2, user("bob", 2, active=False)))
                self.mirror.apply(of_user("user.created", "dee", 1, user("dee", 1)))
                self.mirror.apply(of_group("group.members_changed", "staff", group("staff", 6), ["ada", "dee"], {"dee": 1}))
                self.mirror.apply(of_user("user.reactivated", "bob", 3, user("bob", 3), membershipsEnded=True))

        service.before = push
        self.mirror.reconcile(service.client, "acme")
        self.assertEqual(self.members(), ["dee"])
        self.assertEqual(self.version("bob"), 3)

    def test_service_that_has_lost_unusually_many_users_or_groups_is_not_believed(self) -> None:
        ids = [f"r{100 + i}" for i in range(100)]
        for kind in ("user", "group"):
            service, mirror = Service(), Mirror(MemoryStore())
            service.users, service.groups = [user(id, 1) for id in ids], [group(id, 1) for id in ids]
            service.members = {id: [] for id in ids}

            def left(count: int, service: Service = service, kind: str = kind) -> None:
                if kind == "user":
                    service.users = service.users[-count:]
                else:
                    service.groups = service.groups[-count:]

            def known(mirror: Mirror[MemoryStore] = mirror, kind: str = kind) -> int:
                return len(mirror.ids("acme", "user" if kind == "user" else "group"))

            mirror.reconcile(service.client, "acme")
            left(89)
            with self.assertRaises(LossError):
                mirror.reconcile(service.client, "acme")
            self.assertEqual(known(), 100)
            mirror.reconcile(service.client, "acme", allow_loss=True)
            self.assertEqual(known(), 89)
            left(79)
            mirror.reconcile(service.client, "acme")
            self.assertEqual(known(), 79)

    def test_deleted_user_is_no_member_although_its_membership_is_still_stored(self) -> None:
        service = self.service
        service.users = [user("ada", 4, deleted=True, active=False), user("bob", 1)]
        service.groups, service.members = [group("staff", 5)], {"staff": ["ada", "bob"]}
        self.mirror.reconcile(service.client, "acme")
        self.assertEqual(self.members(), ["bob"])

    def test_members_of_two_generations_are_not_mixed(self) -> None:
        service, requests = self.service, []
        service.users = [user(id, 1) for id in "abcd"]
        service.groups, service.members = [group("staff", 1)], {"staff": ["a", "b", "c"]}

        def replace(path: str) -> None:
            requests.append(path)
            if requests.count("groups/staff/members") == 2:
                service.groups, service.members = [group("staff", 9, generation=2)], {"staff": ["b", "c", "d"]}

        service.before = replace
        self.mirror.reconcile(service.client, "acme")
        self.assertEqual(self.members(), ["b", "c", "d"])

    def test_user_whose_place_in_the_list_has_passed_is_asked_for(self) -> None:
        service = self.service
        service.users = [user("bob", 1)]
        self.mirror.apply(of_user("user.created", "ada", 1, user("ada", 1)))

        def late(path: str) -> None:
            if path == "users/ada":
                service.users = [user("ada", 2), user("bob", 1)]

        service.before = late
        self.mirror.reconcile(service.client, "acme")
        self.assertEqual(self.version("ada"), 2)
