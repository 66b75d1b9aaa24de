from __future__ import annotations

import itertools
import threading
import unittest
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rollcall_mirror import Event, Member, MemoryStore, Mirror, Records

from .documents import event, group, of_group, of_user, user


def picture(mirror: Mirror[Any]) -> dict[str, Any]:
    users, groups = {}, {}
    for id in mirror.ids("acme", "user"):
        known = mirror.user("acme", id)
        assert known.user is not None
        users[id] = (known.user["version"], [group["id"] for group in known.groups])
    for id in mirror.ids("acme", "group"):
        found = mirror.group("acme", id)
        assert found is not None
        groups[id] = found[1]
    return {"users": users, "groups": groups}


class MirrorTest(unittest.TestCase):
    def in_any_order(self, events: Sequence[Event], users: dict[str, Any], groups: dict[str, Any]) -> None:
        """Applies events in each order, each also twice, and compares what the mirror then has."""
        self.assertGreater(len(events), 1)
        for order in itertools.permutations(events):
            mirror = Mirror(MemoryStore())
            for _ in range(2):
                for each in order:
                    mirror.apply(each)
                self.assertEqual(picture(mirror), {"users": users, "groups": groups}, [each["type"] for each in order])

    def test_user_is_the_newest_that_was_read(self) -> None:
        self.in_any_order(
            [
                of_user("user.created", "ada", 1, user("ada", 1)),
                of_user("user.updated", "ada", 2, user("ada", 3)),
                of_user("user.deactivated", "ada", 3, user("ada", 3, active=False)),
            ],
            {"ada": (3, [])},
            {},
        )

    def test_membership_is_what_was_read_at_the_highest_version_of_the_group(self) -> None:
        self.in_any_order(
            [
                of_user("user.created", "ada", 1, user("ada", 1)),
                of_group("group.created", "staff", group("staff", 1), ["ada"], {"ada": 1}),
                of_group("group.members_changed", "staff", group("staff", 2), ["ada"]),
                of_group("group.members_changed", "staff", group("staff", 3), ["ada"], {"ada": 1}),
            ],
            {"ada": (1, ["staff"])},
            {"staff": ["ada"]},
        )

    def test_deletion_ends_the_memberships_before_it_only(self) -> None:
        self.in_any_order(
            [
                of_group("group.created", "old", group("old", 1), ["ada"], {"ada": 1}),
                of_user("user.deleted", "ada", 2, user("ada", 2, deleted=True, active=False)),
                of_user("user.restored", "ada", 3, user("ada", 3)),
                of_group("group.members_changed", "new", group("new", 7), ["ada"], {"ada": 3}),
            ],
            {"ada": (3, ["new"])},
            {"old": [], "new": ["ada"]},
        )

    def test_rehire_ends_the_memberships_before_it_only(self) -> None:
        self.in_any_order(
            [
                of_group("group.created", "old", group("old", 1), ["ada"], {"ada": 2}),
                of_user("user.reactivated", "ada", 3, user("ada", 3), membershipsEnded=True),
                of_group("group.members_changed", "old", group("old", 4), ["ada"]),
                of_group("group.members_changed", "old", group("old", 6), ["ada"], {"ada": 3}),
            ],
            {"ada": (3, ["old"])},
            {"old": ["ada"]},
        )

    def test_join_after_a_rehire_holds_although_another_event_read_the_user_before_it(self) -> None:
        self.in_any_order(
            [
                of_user("user.reactivated", "ada", 4, user("ada", 4), membershipsEnded=True),
                of_group("group.members_changed", "staff", group("staff", 2), ["ada"], {"ada": 4}),
                of_group("group.members_changed", "staff", group("staff", 3), ["ada"]),
                of_group("group.members_changed", "staff", group("staff", 5), ["ada"], {"ada": 3}),
            ],
            {"ada": (4, ["staff"])},
            {"staff": ["ada"]},
        )

    def test_of_two_facts_at_one_version_the_user_is_no_member(self) -> None:
        self.in_any_order(
            [
                of_user("user.created", "ada", 1, user("ada", 1)),
                of_group("group.members_changed", "staff", group("staff", 2), ["ada"], {"ada": 1}),
                of_group("group.members_changed", "staff", group("staff", 2), ["ada"]),
            ],
            {"ada": (1, [])},
            {"staff": []},
        )

    def test_purged_user_stays_away(self) -> None:
        self.in_any_order(
            [
                of_user("user.created", "ada", 1, user("ada", 1)),
                of_group("group.created", "staff", group("staff", 1), ["ada"], {"ada": 1}),
                of_user("user.updated", "ada", 2, None),
                of_user("user.purged", "ada", 3, None),
            ],
            {},
            {"staff": []},
        )

    def test_deleted_group_has_no_members_and_does_not_come_back(self) -> None:
        self.in_any_order(
            [
                of_user("user.created", "ada", 1, user("ada", 1)),
                of_group("group.created", "staff", group("staff", 1), ["ada"], {"ada": 1}),
                of_group("group.members_changed", "staff", group("staff", 2), ["ada"], {"ada": 1}),
                of_group("group.deleted", "staff", None),
            ],
            {"ada": (1, [])},
            {},
        )

    def test_new_set_of_members_in_several_events_replaces_the_others(self) -> None:
        self.in_any_order(
            [
                of_user("user.created", "bob", 1, user("bob", 1)),
                of_user("user.created", "cy", 1, user("cy", 1)),
                of_group("group.created", "staff", group("staff", 1), ["ada", "bob"], {"ada": 1, "bob": 1}),
                of_group("group.members_changed", "staff", group("staff", 5, generation=2), ["bob"], {"bob": 1}, True),
                of_group("group.members_changed", "staff", group("staff", 6, generation=2), ["cy"], {"cy": 1}, True),
                of_group("group.members_changed", "staff", group("staff", 4), ["bob"], {"bob": 1}),
            ],
            {"bob": (1, ["staff"]), "cy": (1, ["staff"])},
            {"staff": ["bob", "cy"]},
        )

    def test_unreadable_deletion_ends_the_memberships(self) -> None:
        self.in_any_order(
            [
                of_user("user.created", "ada", 1, user("ada", 1)),
                of_group("group.created", "staff", group("staff", 1), ["ada"], {"ada": 1}),
                of_user("user.deleted", "ada", 2, None, unreadable=True),
            ],
            {"ada": (1, [])},
            {"staff": []},
        )

    def test_unreadable_record_and_operational_event_change_nothing(self) -> None:
        mirror = Mirror(MemoryStore())
        mirror.apply(of_user("user.created", "ada", 1, user("ada", 1)))
        mirror.apply(of_user("user.updated", "ada", 2, None, unreadable=True))
        mirror.apply(of_user("provisioning.failing", "", 0, None))
        mirror.apply(event("seats.full"))
        self.assertEqual(picture(mirror)["users"], {"ada": (1, [])})

    def test_changed_is_called_when_a_user_or_its_groups_change(self) -> None:
        seen: list[str] = []

        def changed(member: Member, records: Records) -> None:
            active = member.user["active"] if member.user else None
            seen.append(f"{member.id} {active} {','.join(group['displayName'] for group in member.groups)}")

        mirror = Mirror(MemoryStore(), changed)
        for each, want in (
            (of_user("user.created", "ada", 1, user("ada", 1)), "ada True "),
            (of_group("group.created", "g", group("g", 1), ["ada"], {"ada": 1}), "ada True g"),
            (of_group("group.updated", "g", group("g", 2, displayName="Admins")), "ada True Admins"),
            (of_user("user.deactivated", "ada", 2, user("ada", 2, active=False)), "ada False Admins"),
            (of_group("group.deleted", "g", None), "ada False "),
            (of_user("user.purged", "ada", 3, None), "ada None "),
        ):
            seen.clear()
            mirror.apply(each)
            self.assertEqual(seen, [want], each["type"])

    def test_nothing_of_an_event_is_kept_when_changed_fails(self) -> None:
        fails = True

        def changed(member: Member, records: Records) -> None:
            if fails:
                raise OSError("the application's database is full")

        mirror = Mirror(MemoryStore(), changed)
        created = of_user("user.created", "ada", 1, user("ada", 1))
        with self.assertRaises(OSError):
            mirror.apply(created)
        self.assertEqual(mirror.ids("acme", "user"), [])
        fails = False
        mirror.apply(created)
        self.assertEqual(mirror.ids("acme", "user"), ["ada"])

    def test_tenants_are_apart(self) -> None:
        mirror = Mirror(MemoryStore())
        mirror.apply(of_user("user.created", "ada", 1, user("ada", 1)))
        mirror.apply(of_user("user.purged", "ada", 2, None, tenant="globex"))
        self.assertEqual(mirror.ids("acme", "user"), ["ada"])
        self.assertEqual(mirror.ids("globex", "user"), [])

    def test_transactions_of_threads_do_not_overlap(self) -> None:
        test, one = self, threading.Lock()

        class Counted(MemoryStore):
            @contextmanager
            def transaction(self) -> Iterator[MemoryStore]:
                test.assertTrue(one.acquire(blocking=False))
                try:
                    with super().transaction() as records:
                        yield records
                finally:
                    one.release()

        mirror, failed = Mirror(Counted()), []

        def work(number: int) -> None:
            try:
                for i in range(50):
                    mirror.apply(of_user("user.created", f"u{number}-{i}", 1, user(f"u{number}-{i}", 1)))
            except BaseException as error:
                failed.append(error)
                raise

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(len(mirror.ids("acme", "user")), 200)
