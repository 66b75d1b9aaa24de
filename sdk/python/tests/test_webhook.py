from __future__ import annotations

import base64
import json
import unittest
from datetime import datetime, timedelta, timezone
from email.message import Message

from rollcall_mirror import WebhookVerificationError, verify
from standardwebhooks import Webhook

from .documents import of_user, user

SECRET, OTHER = ("whsec_" + base64.b64encode(bytes([i] * 32)).decode() for i in (7, 8))
EVENT = of_user("user.created", "ada", 1, user("ada", 1, displayName="Ada Lovelace, Gräfin 🌂"))
BODY = json.dumps(EVENT, ensure_ascii=False).encode()


def signed(*secrets: str, seconds: int = 0, body: bytes = BODY) -> dict[str, str]:
    sent = datetime.now(tz=timezone.utc) + timedelta(seconds=seconds)
    return {
        "Webhook-Id": EVENT["id"],
        "Webhook-Timestamp": str(int(sent.timestamp())),
        "Webhook-Signature": " ".join(Webhook(secret).sign(EVENT["id"], sent, body.decode()) for secret in secrets or (SECRET,)),
    }


class WebhookTest(unittest.TestCase):
    def test_signed_request_is_its_event(self) -> None:
        self.assertEqual(verify(SECRET, signed(), BODY), EVENT)
        headers = Message()  # as http.server has them
        for name, value in signed().items():
            headers[name] = value
        self.assertEqual(verify(SECRET, headers, BODY), EVENT)

    def test_either_secret_verifies_during_a_rotation(self) -> None:
        for secret in (SECRET, OTHER):
            self.assertEqual(verify(secret, signed(OTHER, SECRET), BODY), EVENT)
        self.assertEqual(verify([OTHER, SECRET], signed(), BODY), EVENT)

    def test_other_requests_are_refused(self) -> None:
        valid = signed()
        for name, headers, body in (
            ("another secret", signed(OTHER), BODY),
            ("another body", valid, BODY.replace(b"true", b"false")),
            ("another id", {**valid, "Webhook-Id": "another"}, BODY),
            ("an old request", signed(seconds=-301), BODY),
            ("a request of the future", signed(seconds=310), BODY),
            ("no signature", {**valid, "Webhook-Signature": ""}, BODY),
            ("no version", {**valid, "Webhook-Signature": valid["Webhook-Signature"][3:]}, BODY),
            ("no base64", {**valid, "Webhook-Signature": "v1,x"}, BODY),
            ("no time", {**valid, "Webhook-Timestamp": "now"}, BODY),
            ("no headers", {}, BODY),
            ("no UTF-8", valid, b"{\xff}"),
        ):
            with self.subTest(name), self.assertRaises(WebhookVerificationError):
                verify(SECRET, headers, body)

    def test_signed_body_that_is_not_an_event_is_another_error(self) -> None:
        for body in (b"{", b"[]", b"{}"):
            with self.assertRaises(ValueError):
                verify(SECRET, signed(body=body), body)

    def test_every_request_is_refused_without_a_secret(self) -> None:
        with self.assertRaises(WebhookVerificationError):
            verify([], signed(), BODY)
