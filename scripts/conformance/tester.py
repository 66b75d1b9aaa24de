"""Runs scim2-tester against a server, and counts what it found.

The base URL is the argument; the token comes from the environment, ROLLCALL_TOKEN.
"""

import os
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import check_server
from scim2_tester.utils import Status

http = Client(base_url=sys.argv[1], headers={"Authorization": "Bearer " + os.environ["ROLLCALL_TOKEN"]})
scim = SyncSCIMClient(http)
scim.discover()
results = check_server(scim)
passed = [r for r in results if r.status == Status.SUCCESS]
for r in results:
    if r.status != Status.SUCCESS:
        print(f"  {r.status.name} {r.title} {r.resource_type or ''}: {r.reason}", file=sys.stderr)
print(f"{len(passed)} passed, {len(results) - len(passed)} failed")
sys.exit(len(passed) != len(results) or not passed)
