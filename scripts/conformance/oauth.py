"""Gets access tokens of a running server with a third-party OAuth client, and uses them.

oauth.py INFO ISSUER-PORT [COMMAND…]: the file that rollcall local --info wrote, and the port of
its --jwks-host. It creates clients of the tenant, each with another way to prove itself, and
gives them to COMMAND in the environment; without one, Authlib is the client.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import RSAKey

info = json.load(open(sys.argv[1], encoding="utf-8"))
port, command = int(sys.argv[2]), sys.argv[3:]
tenant = info["adminUrl"] + "/tenants/acme"
issuer = f"http://127.0.0.1:{port}"


def request(method, url, token, body=None):
    sent = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), method=method)
    sent.add_header("Authorization", f"Bearer {token}")
    sent.add_header("Content-Type", "application/json")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sent, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def admin(method, path, body=None):
    return request(method, tenant + path, info["adminToken"], body)


def new_key(kid):
    return RSAKey.generate_key(2048, {"kid": kid, "alg": "RS256", "use": "sig"}, private=True)


class Keys(BaseHTTPRequestHandler):
    """The keys of the issuer that a client is federated with."""

    def do_GET(self):
        body = json.dumps({"keys": [federated_key.as_dict(private=False)]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


own_key, federated_key = new_key("own"), new_key("issuer")
server = ThreadingHTTPServer(("127.0.0.1", port), Keys)
threading.Thread(target=server.serve_forever, daemon=True).start()

with_secret = admin("POST", "/clients", {"label": "by a secret"})
endpoint = with_secret["tokenEndpoint"]
with_keys = admin("POST", "/clients", {"label": "by keys", "secret": False})
admin("PUT", f"/clients/{with_keys['clientId']}/keys", {"jwks": {"keys": [own_key.as_dict(private=False)]}})
federated = admin("POST", "/clients", {"label": "by a federation", "secret": False})
admin("PUT", f"/clients/{federated['clientId']}/federation", {
    "issuer": issuer, "subject": "provisioning", "audience": "api://rollcall", "jwksUri": f"{issuer}/keys/{os.getpid()}",  # not what the server has read for another run
})


def federated_assertion():
    now = int(time.time())
    claims = {"iss": issuer, "sub": "provisioning", "aud": "api://rollcall", "iat": now, "exp": now + 300}
    return jwt.encode({"alg": "RS256", "kid": "issuer"}, claims, federated_key)


def run_command():
    with tempfile.NamedTemporaryFile("wb", suffix=".pem") as pem:
        pem.write(own_key.as_pem(private=True))
        pem.flush()
        environment = os.environ | {
            "OAUTH_ENDPOINT": endpoint, "OAUTH_SCIM": info["baseUrl"],
            "OAUTH_CLIENT": with_secret["clientId"], "OAUTH_SECRET": with_secret["clientSecret"],
            "OAUTH_KEY_CLIENT": with_keys["clientId"], "OAUTH_KEY": pem.name, "OAUTH_KEY_ID": "own",
            "OAUTH_FEDERATED_CLIENT": federated["clientId"], "OAUTH_FEDERATED_ASSERTION": federated_assertion(),
        }
        return subprocess.run(command, env=environment, check=False).returncode


def used(token):
    """Uses an access token for a SCIM request."""
    assert token["token_type"] == "Bearer" and token["expires_in"] == 3600, token
    assert request("GET", info["baseUrl"] + "/Users?count=1", token["access_token"])["totalResults"] >= 0


def by_secret(method):
    def flow():
        session = OAuth2Session(with_secret["clientId"], with_secret["clientSecret"], token_endpoint_auth_method=method)
        session.trust_env = False
        used(session.fetch_token(endpoint, grant_type="client_credentials"))

    return flow


def by_keys():
    session = OAuth2Session(with_keys["clientId"], own_key, token_endpoint_auth_method="private_key_jwt")
    session.trust_env = False
    session.register_client_auth_method(PrivateKeyJWT(endpoint, headers={"kid": "own"}))
    used(session.fetch_token(endpoint, grant_type="client_credentials"))


def by_federation():
    session = OAuth2Session(federated["clientId"], token_endpoint_auth_method="none")
    session.trust_env = False
    used(session.fetch_token(
        endpoint, grant_type="client_credentials", client_assertion=federated_assertion(),
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    ))


def wrong_secret():
    session = OAuth2Session(with_secret["clientId"], with_secret["clientSecret"][:-1] + "x", token_endpoint_auth_method="client_secret_post")
    session.trust_env = False
    try:
        session.fetch_token(endpoint, grant_type="client_credentials")
    except OAuthError as refused:
        assert refused.error == "invalid_client", refused.error
        return
    raise AssertionError("a wrong secret got a token")


def main():
    if command:
        return run_command()
    passed, failed = 0, 0
    for name, flow in {
        "client_secret_basic": by_secret("client_secret_basic"), "client_secret_post": by_secret("client_secret_post"),
        "private_key_jwt": by_keys, "federation": by_federation, "a wrong secret": wrong_secret,
    }.items():
        try:
            flow()
            passed += 1
        except Exception as fault:  # each flow is reported
            failed += 1
            print(f"{name}: {type(fault).__name__}: {fault}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
