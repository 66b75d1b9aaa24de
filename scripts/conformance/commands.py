"""Runs every command of scim2-cli, each a use of scim2-client, against a server.

usage: commands.py SCIM2 BASE

SCIM2 is the command's path. The token comes from the environment, ROLLCALL_TOKEN.
Every command does its work but one option: --me, because a token here belongs to a
tenant and not to a user, so the 501 of RFC 7644 §3.11 is what is expected of it.
"""

import json
import os
import subprocess
import sys
import uuid

from flows import Flows, check

scim2, base = sys.argv[1], sys.argv[2]
run = uuid.uuid4().hex[:12]
environment = dict(os.environ, SCIM_CLI_HEADERS="Authorization: Bearer " + os.environ["ROLLCALL_TOKEN"])
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
EXTENSION = "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User"


def command(*arguments, stdin=None, ends=0):
    """The JSON that a command prints, or its text where it prints none."""
    done = subprocess.run([scim2, "-u", base, *arguments], input=json.dumps(stdin) if stdin is not None else "", capture_output=True, text=True, env=environment, timeout=120)
    check(done.returncode == ends, f"{arguments[0]} ended with {done.returncode}", done.stderr[-400:] + done.stdout[-400:])
    try:
        return json.loads(done.stdout)
    except ValueError:
        return done.stdout


made = {}


def test():
    """All of scim2-tester, which ends with 1 for the one finding that tester.py expects."""
    lines = command("test", ends=1).splitlines()
    bad = [what + why for what, why in zip(lines, lines[1:]) if what.startswith(("ERROR", "CRITICAL", "SKIPPED", "DEVIATION"))]
    check(len(bad) == 1 and f"did not remove attribute '{EXTENSION}'" in bad[0], "what the tester found", bad)


def create_user():
    user = command("create", "user", "--user-name", f"cli-{run}@example.com", "--name", json.dumps({"givenName": "Clio"}), "--emails", json.dumps([{"value": f"cli-{run}@example.com", "primary": True}]))
    check(user["userName"] == f"cli-{run}@example.com" and user["id"] and user["active"] is True, "a user", user)
    made["user"] = user["id"]


def create_from_input():
    user = command("create", stdin={"schemas": [USER], "userName": f"cli-in-{run}@example.com", "active": False})
    check(user["active"] is False and EXTENSION in user, "a user without a seat", user)
    made["second"] = user["id"]


def create_group():
    group = command("create", "group", "--display-name", f"cli {run}", "--members", json.dumps([{"value": made["user"]}]))
    check([m["value"] for m in group["members"]] == [made["user"]], "a group of one", group)
    made["group"] = group["id"]


def query_one():
    check(command("query", "user", made["user"])["id"] == made["user"], "the user")


def query_list():
    page = command("query", "user", "--filter", f'userName sw "cli-"', "--count", "100", "--sort-by", "userName")
    ids = [u["id"] for u in page["Resources"]]
    check(page["totalResults"] == len(ids) and made["user"] in ids and made["second"] in ids, "the users", page)


def query_count_only():
    page = command("query", "user", "--count", "0")
    check(page["totalResults"] >= 2 and not page.get("Resources"), "a count", page)


def query_root():
    page = command("query", "--filter", f'id eq "{made["group"]}"')
    check([r["displayName"] for r in page["Resources"]] == [f"cli {run}"], "a group of all resources", page)


def query_projected():
    user = command("query", "user", made["user"], "--attribute", "userName")
    check(user["userName"] and "name" not in user, "userName alone", user)


def replace():
    user = command("query", "user", made["user"])
    user["displayName"] = "Clio Replaced"
    check(command("replace", "user", stdin=user)["displayName"] == "Clio Replaced", "the new name")


def modify():
    user = command("modify", "user", made["user"], "replace", "displayName", "Clio Modified", "replace", "active", "false", "remove", "name.givenName")
    check(user["displayName"] == "Clio Modified" and user["active"] is False and "name" not in user, "three operations", user)


def modify_from_input():
    user = command("modify", "user", made["user"], stdin={"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {"active": True}}]})
    check(user["active"] is True, "active again", user)


def modify_group():
    group = command("modify", "group", made["group"], "add", "members", json.dumps([{"value": made["second"]}]))
    check(group == "" or {m["value"] for m in group["members"]} == {made["user"], made["second"]}, "a group of two", group)


def search_one_type():
    page = command("search", "user", "--filter", f'userName eq "CLI-{run}@example.com"')
    check([u["id"] for u in page["Resources"]] == [made["user"]], "the user", page)


def search_all_types():
    page = command("search", "--filter", f'displayName eq "cli {run}"')
    check(page["totalResults"] == 1, "one group", page)


def bulk():
    answer = command("bulk", stdin={"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "b1", "data": {"schemas": [USER], "userName": f"cli-bulk-{run}@example.com"}},
    ]})
    check([o["status"] for o in answer["Operations"]] == ["201"], "one operation", answer)
    made["bulk"] = answer["Operations"][0]["location"].rsplit("/", 1)[1]


def delete():
    for kind, name in (("group", "group"), ("user", "user"), ("user", "second"), ("user", "bulk")):
        command("delete", kind, made[name])
    check(command("query", "user", made["user"], ends=1)["status"] == "404", "no user")


def me():
    answer = command("query", "--me", ends=1)
    check(answer["status"] == "501" and "/Me" in answer["detail"], "a 501 that says why", answer)


flows = Flows()
for flow in (test, create_user, create_from_input, create_group, query_one, query_list, query_count_only, query_root, query_projected,
             replace, modify, modify_from_input, modify_group, search_one_type, search_all_types, bulk, delete, me):
    flows.run(flow.__name__, flow)
flows.end()
