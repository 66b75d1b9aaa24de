"""Reads a server's answers with two Python libraries: scim-client, a client of
SCIM for applications, and the models of pydantic-scim.

usage: models.py BASE
The token comes from the environment, ROLLCALL_TOKEN.
"""

import json
import os
import sys
import urllib.error
import urllib.request
import uuid

from pydanticscim.group import Group
from pydanticscim.responses import ListResponse, SCIMError
from pydanticscim.resource_type import ResourceType
from pydanticscim.service_provider import ServiceProviderConfiguration
from pydanticscim.user import User
from scim_client import SCIMClient
from scim_client import User as ClientUser

from flows import Flows, check

base, token = sys.argv[1], os.environ["ROLLCALL_TOKEN"]
run = uuid.uuid4().hex[:12]
client = SCIMClient(base, token)
made = {}


def send(method, path, body=None, media="application/scim+json"):
    request = urllib.request.Request(base + path, method=method, headers={"Authorization": "Bearer " + token, "Content-Type": media},
                                     data=json.dumps(body).encode() if body is not None else None)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def person(name):
    return ClientUser(id="", external_id=f"ext-{name}", user_name=f"{name}@example.com", active=True, display_name="Mo Dell",
                      name={"given_name": "Mo", "family_name": "Dell"}, emails=[{"value": f"{name}@example.com", "primary": True, "type": "work"}],
                      meta={}, timezone="Europe/Berlin")


def client_creates():
    user = client.create_user(person(f"py-{run}"))
    check(user.id and user.user_name == f"py-{run}@example.com" and user.emails[0].primary, "a user", vars(user))
    made["user"] = user


def client_reads():
    user = client.read_user(made["user"].id)
    check(user == made["user"] and user.name.family_name == "Dell" and user.timezone == "Europe/Berlin", "the user", vars(user))


def client_searches():
    found = client.search_users(f'userName eq "py-{run}@example.com"')
    check(found.total_results == 1 and found.resources[0] == made["user"] and found.start_index == 1, "one user", vars(found))
    check(client.search_users('userName eq "nobody@example.com"').total_results == 0, "nobody")


def client_updates():
    user = client.read_user(made["user"].id)
    user.display_name = "Mo Updated"
    check(client.update_user(user).display_name == "Mo Updated", "the new name")


def client_sees_refusals():
    try:
        client.create_user(person(f"py-{run}"))
    except urllib.error.HTTPError as error:
        check(error.code == 409, "a duplicate", error.code)
        return
    raise AssertionError("a duplicate was created")


def models_of_a_user():
    status, text = send("GET", "/Users/" + made["user"].id)
    user = User.model_validate_json(text)
    check(status == 200 and user.userName == f"py-{run}@example.com" and user.active and user.emails[0].primary, "the user", user)


def models_of_groups():
    for members in ([], [{"value": made["user"].id}]):
        status, text = send("POST", "/Groups", {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": f"py {run} {len(members)}", "members": members})
        check(status == 201, "a group", text)
        status, text = send("GET", "/Groups/" + json.loads(text)["id"])
        group = Group.model_validate_json(text)
        check(group.members is not None and len(group.members) == len(members), "its members", text)
        check(send("DELETE", "/Groups/" + group.id)[0] == 204, "deleted")


def models_of_lists():
    for query, want in ((f"?filter=userName%20eq%20%22py-{run}@example.com%22", 1), ("?count=0", 0), ("?filter=userName%20eq%20%22nobody%22", 0)):
        status, text = send("GET", "/Users" + query)
        page = ListResponse.model_validate_json(text)
        check(status == 200 and len(page.Resources) == want, "a page of " + str(want), text)
        for resource in json.loads(text)["Resources"]:
            User.model_validate(resource)


def models_of_errors():
    for method, path, body, want in (("GET", "/Users/nobody", None, 404), ("GET", "/Users?filter=userName", None, 400), ("POST", "/Users", {"schemas": []}, 400)):
        status, text = send(method, path, body)
        error = SCIMError.model_validate_json(text)
        check(status == error.status == want and error.detail, "an error", text)


def models_of_discovery():
    ServiceProviderConfiguration.model_validate_json(send("GET", "/ServiceProviderConfig")[1])
    types = [ResourceType.model_validate(r) for r in json.loads(send("GET", "/ResourceTypes")[1])["Resources"]]
    check({t.name for t in types} == {"User", "Group"} and not any(e.required for t in types for e in t.schemaExtensions), "two types, no extension required", types)


def client_deletes():
    client.delete_user(user=made["user"])
    check(send("GET", "/Users/" + made["user"].id)[0] == 404, "gone")


flows = Flows()
for flow in (client_creates, client_reads, client_searches, client_updates, client_sees_refusals, models_of_a_user,
             models_of_groups, models_of_lists, models_of_errors, models_of_discovery, client_deletes):
    flows.run(flow.__name__, flow)
flows.end()
