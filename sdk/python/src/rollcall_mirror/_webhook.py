"""Verifies the requests of webhooks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, cast

from standardwebhooks import Webhook, WebhookVerificationError

from ._event import Event

__all__ = ["Headers", "WebhookVerificationError", "verify"]


class Headers(Protocol):
    """The headers of a request: a dict, or what a framework has for them."""

    def items(self) -> Iterable[tuple[str, str]]: ...


def verify(secret: str, headers: Headers, body: bytes) -> Event:
    """Returns the event of a webhook's request.

    Raises WebhookVerificationError unless the request was signed with the secret within the
    last five minutes: answer 401, and use nothing of it. The body must be the bytes as they
    were received: a body that was parsed and written again has another signature.
    """
    webhook = Webhook(secret)
    try:
        event: Any = webhook.verify(body.decode(), dict(headers.items()))
    except ValueError as error:  # of a signature that is no base64, of bytes that are no UTF-8
        raise WebhookVerificationError("The request is malformed") from error
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not isinstance(event.get("type"), str):
        raise WebhookVerificationError("The body is not an event")
    return cast(Event, event)
