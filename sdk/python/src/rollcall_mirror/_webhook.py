"""Verifies the requests of webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, cast

from standardwebhooks import Webhook, WebhookVerificationError

from ._event import Event

__all__ = ["Headers", "WebhookVerificationError", "verify"]


class Headers(Protocol):
    """The headers of a request: a dict, or what a framework has for them."""

    def items(self) -> Iterable[tuple[str, str]]: ...


def verify(secret: str | Sequence[str], headers: Headers, body: bytes) -> Event:
    """Returns the event of a webhook's request.

    Raises WebhookVerificationError unless the request was signed with the secret, or with one
    of several, within the last five minutes: answer 401, and use nothing of it. The body must
    be the bytes as they were received: a body that was parsed and written again has another
    signature. A signed body that is not an event is a ValueError.
    """
    webhooks = [Webhook(each) for each in ([secret] if isinstance(secret, str) else secret)]
    refused = WebhookVerificationError("There is no secret")
    for webhook in webhooks:
        try:
            webhook.verify(body, dict(headers.items()), json_parse=False)
            break
        except WebhookVerificationError as error:
            refused = error
        except ValueError:  # of a signature that is no base64, of bytes that are no UTF-8
            refused = WebhookVerificationError("The request is malformed")
    else:
        raise refused
    event: Any = json.loads(body)
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not isinstance(event.get("type"), str):
        raise ValueError("The body is not an event")
    return cast(Event, event)
