"""A copy of rollcall's users, groups and memberships in your application.

`verify` checks the request of a webhook, `Client` reads the admin API, and `Mirror` applies
events to any store: twice, and in any order.
"""

from ._client import Answer, Client, EventsPage, MembersPage, Problem, Send
from ._event import Event, EventActor, EventMember, EventMembers, EventResource, Group, User
from ._mirror import LossError, Member, Mirror
from ._store import MemoryStore, Records, Store
from ._webhook import WebhookVerificationError, verify

__all__ = [
    "Answer",
    "Client",
    "Event",
    "EventActor",
    "EventMember",
    "EventMembers",
    "EventResource",
    "EventsPage",
    "Group",
    "LossError",
    "Member",
    "MembersPage",
    "MemoryStore",
    "Mirror",
    "Problem",
    "Records",
    "Send",
    "Store",
    "User",
    "WebhookVerificationError",
    "verify",
]
