"""The test vectors, which are the same in all languages."""

from __future__ import annotations

import datetime
import itertools
import json
import os
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from rollcall_mirror import MemoryStore, Mirror, WebhookVerificationError, verify

FILE = os.environ.get("ROLLCALL_MIRROR_VECTORS") or Path(__file__).parents[3] / "mirror" / "testdata" / "vectors.json"
VECTORS = json.loads(Path(FILE).read_text(encoding="utf-8"))


class VectorsTest(unittest.TestCase):
    def content(self, mirror: Mirror[MemoryStore]) -> dict[str, Any]:
        users, groups, members = [], [], []
        for id in mirror.ids("acme", "user"):
            user = mirror.user("acme", id).user
            assert user is not None
            users.append({name: user.get(name) for name in ("id", "userName", "displayName", "active", "deleted", "version")})
        for id in mirror.ids("acme", "group"):
            found = mirror.group("acme", id)
            assert found is not None
            groups.append({"id": id, "displayName": found[0]["displayName"]})
            for member in found[1]:
                members.append([id, member])
                self.assertIn(id, [group["id"] for group in mirror.user("acme", member).groups])
        return {"users": users, "groups": groups, "members": members}

    def test_mirrors(self) -> None:
        self.assertGreater(len(VECTORS["mirrors"]), 10)
        for vector in VECTORS["mirrors"]:
            events = vector["events"]
            orders = itertools.permutations(events) if len(events) < 6 else (events, events[::-1], events + events[::-1])
            for order in orders:
                with self.subTest(vector["name"]):
                    mirror = Mirror(MemoryStore())
                    for event in order:
                        mirror.apply(event)
                    self.assertEqual(self.content(mirror), vector["want"])

    def test_signatures(self) -> None:
        self.assertGreater(len(VECTORS["signatures"]), 10)
        for vector in VECTORS["signatures"]:
            now = datetime.datetime.fromtimestamp(vector["now"], tz=datetime.timezone.utc)
            with self.subTest(vector["name"]), mock.patch("standardwebhooks.webhooks.datetime", wraps=datetime.datetime) as clock:
                clock.now.return_value = now
                body = vector["body"].encode()
                if vector["accepted"] and "id" not in json.loads(body):  # accepted, and not ours
                    with self.assertRaises(ValueError):
                        verify(vector["secrets"], vector["headers"], body)
                elif vector["accepted"]:
                    self.assertEqual(verify(vector["secrets"], vector["headers"], body), json.loads(body))
                else:
                    with self.assertRaises(WebhookVerificationError):
                        verify(vector["secrets"], vector["headers"], body)
