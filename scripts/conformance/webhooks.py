"""Receives webhooks of a running server, and verifies them with the libraries of Standard
Webhooks from PyPI and npm: before and during a rotation of the secret, and changed in each part.

webhooks.py INFO NODE FOLDER: the file that rollcall local --info wrote, the program node, and the
folder with verify.mjs and its packages.
"""

import base64
import json
import queue
import subprocess
import sys
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

info = json.load(open(sys.argv[1], encoding="utf-8"))
node, folder = sys.argv[2:]
PATIENCE = 60  # seconds for a delivery, which comes within one
deliveries: "queue.Queue[tuple[dict[str, str], bytes]]" = queue.Queue()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        deliveries.put((dict(self.headers.items()), self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format, *args):
        pass


def request(method, url, token, body=None):
    sent = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), method=method)
    sent.add_header("Authorization", f"Bearer {token}")
    sent.add_header("Content-Type", "application/json")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sent, timeout=PATIENCE) as answer:
        return json.loads(answer.read() or b"null")


def changes(word):
    """Creates, changes and groups users, and returns the deliveries of that."""
    scim, token, received = info["baseUrl"], info["token"], []
    core = "urn:ietf:params:scim:schemas:core:2.0:"
    users = []
    for name in ("Zoë", "李", "O'Neil & <Sons> 🌂"):
        user = {"schemas": [core + "User"], "userName": f"webhooks-{word}-{len(users)}@example.com", "displayName": name}
        users.append(request("POST", f"{scim}/Users", token, user)["id"])
    patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    request("PATCH", f"{scim}/Users/{users[0]}", token, patch)
    members = [{"value": id} for id in users[1:]]
    request("POST", f"{scim}/Groups", token, {"schemas": [core + "Group"], "displayName": f"webhooks {word}", "members": members})
    want = ["group.created", "user.created", "user.created", "user.created", "user.deactivated"]
    while True:
        received.append(deliveries.get(timeout=PATIENCE))
        got = sorted(json.loads(body)["type"] for _, body in received)
        if len(got) >= len(want):
            assert got == want, f"delivered: {got}"
            return received


def cases_of(received, accepting, refusing):
    """Yields each delivery with each secret, and each with one part changed."""
    for headers, body in received:
        lower = {name.lower(): value for name, value in headers.items()}
        event = json.loads(body)
        signatures = lower["webhook-signature"].split(" ")
        assert lower["webhook-id"] == event["id"], "the id is not the event's"
        assert len(signatures) == len(accepting), f"{len(signatures)} signatures for {len(accepting)} secrets"

        def case(name, accepted, secret, headers=lower, body=body):
            return {"name": f"{event['type']}: {name}", "secret": secret, "headers": headers, "body": base64.b64encode(body).decode(), "accepted": accepted}

        for i, secret in enumerate(accepting):
            yield case(f"secret {i}", True, secret)
            yield case("another body", False, secret, body=body.replace(b'"tenant"', b'"tenanT"', 1))
            yield case("a byte less", False, secret, body=body[:-1])
            yield case("another id", False, secret, {**lower, "webhook-id": lower["webhook-id"][:-1]})
            yield case("another time", False, secret, {**lower, "webhook-timestamp": str(int(lower["webhook-timestamp"]) + 1)})
            yield case("an old time", False, secret, {**lower, "webhook-timestamp": str(int(lower["webhook-timestamp"]) - 3600)})
            changed = " ".join("v1," + ("B" if s[3] != "B" else "C") + s[4:] for s in signatures)
            yield case("another signature", False, secret, {**lower, "webhook-signature": changed})
            without = " ".join(s for s in signatures if not matches(secret, lower, body, s))
            yield case("without its signature", False, secret, {**lower, "webhook-signature": without or "v1,AAAA"})
        for secret in refusing:
            yield case("another secret", False, secret)


def matches(secret, headers, body, signature):
    return accepts(secret, {**headers, "webhook-signature": signature}, body) == ""


def accepts(secret, headers, body):
    """Returns why the library refuses a request, "" for one that it accepts."""
    try:
        Webhook(secret).verify(body, headers)
    except Exception as error:
        return repr(error)
    return ""


with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    webhooks, token = info["adminUrl"] + "/webhooks", info["adminToken"]
    registered = request("POST", webhooks, token, {"url": f"http://127.0.0.1:{server.server_port}/", "label": "conformance"})
    first, other = registered["secret"], "whsec_" + base64.b64encode(bytes(32)).decode()
    before = changes("before")
    second = request("POST", f"{webhooks}/{registered['id']}/secret", token)["secret"]
    assert second != first, "a rotation has to change the secret"
    during = changes("during")
    request("DELETE", f"{webhooks}/{registered['id']}", token)
    server.shutdown()

cases = [*cases_of(before, [first], [second, other]), *cases_of(during, [first, second], [other])]
passed = failed = 0
for case in cases:
    reason = accepts(case["secret"], case["headers"], base64.b64decode(case["body"]))
    if (reason == "") == case["accepted"]:
        passed += 1
    else:
        failed += 1
        print(f"PyPI: {case['name']}: {reason or 'accepted'}")
with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
    json.dump(cases, file)
    file.flush()
    ran = subprocess.run([node, f"{folder}/verify.mjs", file.name], stdout=subprocess.PIPE, text=True, check=True)
*lines, last = ran.stdout.splitlines()
print(*lines, sep="\n")
counts = json.loads(last)
assert counts["passed"] + counts["failed"] == len(cases)
passed, failed = passed + counts["passed"], failed + counts["failed"]
print(f"{passed} passed, {failed} failed (npm and PyPI, {len(before) + len(during)} deliveries)")
sys.exit(1 if failed else 0)
