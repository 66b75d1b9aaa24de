"""An application whose users follow rollcall. With `reconcile`, each night by cron, it compares everything."""

import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

from rollcall_mirror import Client, Member, Mirror, WebhookVerificationError, verify

TENANT, PORT = os.environ.get("TENANT", "acme"), int(os.environ.get("PORT", "3000"))
db = sqlite3.connect(os.environ.get("DATABASE", "app.db"), isolation_level=None)
db.row_factory = sqlite3.Row
db.executescript("""CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT, name TEXT, active INTEGER, role TEXT);
    CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, user TEXT);
    CREATE TABLE IF NOT EXISTS mirror (key TEXT PRIMARY KEY, value TEXT)""")


class Store:  # where the mirror keeps what it knows
    def get(self, key: str, /) -> str | None:
        return next((row["value"] for row in db.execute("SELECT value FROM mirror WHERE key = ?", (key,))), None)

    def set(self, key: str, value: str, /) -> None:
        db.execute("INSERT OR REPLACE INTO mirror VALUES (?, ?)", (key, value))

    def delete(self, key: str, /) -> None:
        db.execute("DELETE FROM mirror WHERE key = ?", (key,))

    def keys(self, prefix: str, /) -> list[str]:
        return [row["key"] for row in db.execute("SELECT key FROM mirror WHERE key >= ? AND key < ? || '~'", (prefix, prefix))]

    @contextlib.contextmanager
    def transaction(self) -> "Iterator[Store]":
        db.execute("BEGIN IMMEDIATE")
        with db:  # commits, or rolls back
            yield self


# What a change means here: a row, a role by the group, and no session without access.
def changed(member: Member, store: Store) -> None:
    user, role = member.user, "admin" if any(group["displayName"] == "Admins" for group in member.groups) else "member"
    if not user or not user["active"]:
        db.execute("DELETE FROM sessions WHERE user = ?", (member.id,))
    if not user:
        db.execute("DELETE FROM users WHERE id = ?", (member.id,))
    else:
        db.execute("INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?)", (member.id, user["email"], user["displayName"], user["active"], role))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(200, json.dumps([dict(row) for row in db.execute("SELECT * FROM users ORDER BY email")], separators=(",", ":")) + "\n")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            mirror.apply(verify(os.environ["WEBHOOK_SECRET"], self.headers, body))
            self.answer(204)
        except WebhookVerificationError as error:
            self.answer(401, str(error))

    def answer(self, status: int, body: str = "") -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())


mirror = Mirror(Store(), changed)
client = Client(os.environ["ROLLCALL_ADMIN_URL"], token=os.environ["ROLLCALL_ADMIN_TOKEN"])
mirror.pull(client, TENANT)  # what was missed while the application was down
if sys.argv[1:] == ["reconcile"]:
    print(mirror.reconcile(client, TENANT), "records differed")
else:
    print(f"serving on http://127.0.0.1:{PORT}", flush=True)
    HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
