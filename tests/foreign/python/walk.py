"""A whole sign-in, seen by an unmodified Authlib. The library speaks the protocol; this script is only the browser."""

import json
import sys
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OAuthError, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session

TIMEOUT = 10

given = json.load(sys.stdin)
issuer = given["issuer"]


def ok(step):
    print(f"ok: {step}", flush=True)


def expect(held, reason):
    if not held:
        sys.exit(reason)


# The browser: cookies, redirects by hand, forms.

browser = requests.Session()


def send(url, form=None):
    # A browser names the origin of a form, and the issuer takes no form without it.
    headers = {"Origin": "{0}://{1}".format(*urlsplit(issuer))} if form else {}
    method = "POST" if form else "GET"
    return browser.request(method, url, data=form, headers=headers, allow_redirects=False, timeout=TIMEOUT)


def follow(url, form=None):
    """Goes on until there is a page to read, or until a redirect leads back to the client: (page, callback)."""
    for _ in range(10):
        answer = send(url, form)
        if answer.status_code == 200 and not form:
            return answer.text, None
        location = answer.headers.get("location")
        expect(location, f"{urlsplit(url).path} answered {answer.status_code}: {answer.text}")
        # 307 would hand the password on to the next address.
        expect(not form or answer.status_code == 303, f"a form was answered with {answer.status_code}")
        url, form = urljoin(url, location), None
        if url.partition("?")[0] == given["redirect_uri"]:
            return None, url
        expect(urlsplit(url)[:2] == urlsplit(issuer)[:2], f"a redirect leaves the issuer: {url}")
    sys.exit("too many redirects")


class Inputs(HTMLParser):
    """The named inputs of the form with this action."""

    def __init__(self, page, action):
        super().__init__()
        self.action, self.inside, self.values = action, False, {}
        self.feed(page)
        expect(self.values, f"no form with the action {action} in: {page}")

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.inside = attrs.get("action") == self.action
        elif tag == "input" and self.inside and "name" in attrs:
            self.values[attrs["name"]] = attrs.get("value") or ""

    def handle_endtag(self, tag):
        if tag == "form":
            self.inside = False


def submit(page, below, filled):
    # The issuer may have a path.
    action = urlsplit(issuer).path + below
    return follow(urljoin(issuer, action), {**Inputs(page, action).values, **filled})


# The client, put together as the library's own integrations with web frameworks are.


class Client(OAuth2Mixin, OpenIDMixin, BaseApp):
    client_cls = OAuth2Session


client = Client(
    framework=None,
    client_id=given["client_id"],
    client_secret=given["client_secret"],
    server_metadata_url=issuer + "/.well-known/openid-configuration",
    client_kwargs={
        "scope": "openid profile email offline_access",
        "code_challenge_method": "S256",
        "default_timeout": TIMEOUT,
    },
)
metadata = client.load_server_metadata()
expect(metadata["issuer"] == issuer, "the discovery document is of another issuer")
# The library takes whatever algorithm the issuer lists; this client is registered for one.
expect("RS256" in metadata["id_token_signing_alg_values_supported"], "RS256 is not supported")
metadata["id_token_signing_alg_values_supported"] = ["RS256"]
ok("discovery")

asked = client.create_authorization_url(given["redirect_uri"], prompt="consent")
expect("code_challenge_method=S256" in asked["url"], "the library asks without PKCE")
ok("authorization URL")

page, _ = follow(asked["url"])
expect(page, "nobody is signed in, and yet no page came")
filled = {"username": given["username"], "password": given["password"], "action": "sign-in"}
page, _ = submit(page, "/login", filled)
expect(page, "consent was asked for, and yet no page came")
ok("sign-in")

_, callback = submit(page, "/consent", {"action": "allow"})
expect(callback, "consent does not lead back to the client")
# The library has no check of `iss` in the response (RFC 9207), so it is made here.
expect(parse_qs(urlsplit(callback).query).get("iss") == [issuer], f"no or another iss in {callback}")
ok("consent")

session = OAuth2Session(
    given["client_id"],
    given["client_secret"],
    redirect_uri=given["redirect_uri"],
    default_timeout=TIMEOUT,
    **metadata,
)


def id_token(token, nonce=None):
    """The claims of the ID token, when the library finds it good for this client."""
    expect("id_token" in token, "no ID token came")
    # Of its own accord the library looks at the issuer only.
    options = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": given["client_id"]}}
    return client.parse_id_token(token, nonce, claims_options=options)


first = session.fetch_token(
    authorization_response=callback, state=asked["state"], code_verifier=asked["code_verifier"]
)
sub = id_token(first, asked["nonce"])["sub"]
expect("refresh_token" in first, "offline_access was granted, and yet no refresh token came")
ok("code exchange")

person = client.userinfo(token=first)
expect(person["sub"] == sub, "userinfo is about somebody else")
expect(person["preferred_username"] == given["username"], "userinfo has another username")
ok("userinfo")


# Refresh tokens rotate, so each refresh goes on with the token of the one before.
def refresh(before):
    after = session.refresh_token(refresh_token=before["refresh_token"])
    expect(after["access_token"] != before["access_token"], "the access token is not a new one")
    expect(id_token(after)["sub"] == sub, "the ID token of a refresh is about somebody else")
    return after


second = refresh(first)
ok("refresh")

bye = generate_token()
left = send(
    client.create_logout_url(
        post_logout_redirect_uri=given["post_logout_redirect_uri"],
        id_token_hint=second["id_token"],
        state=bye,
    )["url"]
)
expect(left.status_code == 303, f"the end of the session was answered with {left.status_code}")
expect(
    left.headers["location"] == f"{given['post_logout_redirect_uri']}?state={bye}",
    f"the end of the session leads to {left.headers['location']}",
)
ok("end of the session")

# Offline access outlives the session in the browser.
third = refresh(second)
ok("refresh after the end of the session")

revoked = session.revoke_token(
    metadata["revocation_endpoint"], token=third["refresh_token"], token_type_hint="refresh_token"
)
expect(revoked.status_code == 200, f"revocation was answered with {revoked.status_code}")
ok("revocation")

try:
    session.refresh_token(refresh_token=third["refresh_token"])
    sys.exit("a revoked refresh token still works")
except OAuthError as refused:
    expect(refused.error == "invalid_grant", f"a revoked refresh token is refused with {refused.error}")
ok("refusal of the revoked token")

print("walk done")
