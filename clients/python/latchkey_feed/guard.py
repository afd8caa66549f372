"""The guard: joserfc says whether a token is genuine, the feed whether it has ended."""

import json
import random as chance
import re
import threading
import time
import urllib.request
from http.client import HTTPException
from urllib.parse import parse_qs, urlencode

from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from .discover import discover
from .errors import ConnectError, Refused, Unavailable
from .feed import Feed
from .http import basic, open_url
from .keys import Keys
from .revocations import GRACE_S, Revocations

LONGEST_TOKEN = 8 * 1024
LONGEST_LIFE_S = 15 * 60
LEEWAY_S = 10


class Guard:
    """Safe to use from many threads; a thread of its own keeps it current until `close`."""

    def __init__(
        self, *, issuer, audience, client_id, client_secret, grace=GRACE_S, patience=30, silence=15,
        now=time.time, random=chance.random, open_url=open_url,
    ):
        self._issuer, self._audience = issuer, audience
        self._client, self._patience, self._silence = (client_id, client_secret), patience, silence
        self._now, self._random, self._open = now, random, open_url
        self._stop = threading.Event()
        self.revocations = Revocations(now, grace)

    @classmethod
    def connect(cls, **options):
        """Discovers the issuer and returns when keys and revocations are known; raises a ConnectError that says why
        not. The client is a confidential one whose `may_introspect` covers the audience."""
        guard = cls(**options)
        try:
            guard.start()
        except BaseException:
            guard.close()
            raise
        return guard

    def start(self):
        """What `connect` does; the receiver goes on trying even if this raises, until `close`."""
        client_id, client_secret = self._client
        metadata = discover(self._issuer, open_url=self._open, patience=self._patience, random=self._random)
        self._keys = Keys(metadata["jwks_uri"], self._open, self._now)
        self._introspection = metadata["introspection_endpoint"]
        feed = Feed(
            url=metadata["revocation_feed_endpoint"], issuer=self._issuer, client_id=client_id,
            client_secret=client_secret, keys=self._keys, revocations=self.revocations, now=self._now,
            random=self._random, silence=self._silence, open_url=self._open,
        )
        threading.Thread(target=feed.run, args=(self._stop,), name="latchkey-feed", daemon=True).start()

        def is_final():
            return getattr(feed.trouble, "final", False) or getattr(feed.trouble, "wrong_issuer", False)

        self.revocations.wait(lambda: self.state == "live" or is_final(), self._patience)
        if self.state == "live":
            return
        trouble = feed.trouble
        if is_final():
            raise ConnectError(str(trouble), final=True)
        raise ConnectError(f"the revocation feed was not live within {self._patience} s: {trouble or 'it said nothing'}")

    @property
    def state(self):
        """The state of the feed: `live`, `grace`, `lost` or `never`."""
        return self.revocations.state

    def close(self):
        """The thread ends with its next message."""
        self._stop.set()

    def admit(self, authorization, query="", *, scope=None, sensitive=False, optional=False):
        """The claims of the token of a request, by its `Authorization` headers and its query; raises Refused or
        Unavailable. None when `optional` and no header is there."""
        if "access_token" in parse_qs(query, keep_blank_values=True):
            raise self._refused("A token must not be sent in the query.", 400, "invalid_request")
        if len(authorization) > 1:
            raise self._refused("There are two credentials.", 400, "invalid_request")
        if not authorization:
            if optional:
                return None
            raise self._refused("Credentials are required.", 401, None)
        bearer = re.fullmatch(r"bearer +([\w.~+/-]+=*)", authorization[0], re.IGNORECASE | re.ASCII)
        if bearer is None:
            raise self._refused("The credentials are not a bearer token.")
        claims = self.verify(bearer[1], sensitive=sensitive)
        granted = claims.get("scope")
        if scope and scope not in (granted.split(" ") if isinstance(granted, str) else []):
            raise self._refused("The access token lacks the required scope.", 403, "insufficient_scope", scope=scope)
        return claims

    def verify(self, token, *, sensitive=False):
        """The claims of an access token; raises Refused or Unavailable."""
        kid, claims = self._genuine(token)
        if self.revocations.is_revoked(claims, kid):
            raise self._refused("The access token was revoked.")
        state = self.state
        if state != "live" and sensitive:
            raise Unavailable("revocations may have been missed")
        if state in ("lost", "never") and not self._is_active(token):
            raise self._refused("The access token is not active.")
        return claims

    def _genuine(self, token):
        if len(token) > LONGEST_TOKEN:
            raise self._refused("The access token is too long.")
        expected = JWTClaimsRegistry(
            now=int(self._now()), leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer}, aud={"essential": True, "value": self._audience},
            exp={"essential": True}, iat={"essential": True},
            **{name: {"essential": True} for name in ("sub", "jti", "client_id")},
        )
        try:
            kid, claims = self._keys.decode(token, "at+jwt")
            expected.validate(claims)
            if any(not isinstance(claims[name], str) for name in ("sub", "jti", "client_id")):
                raise ValueError("a claim is not a text")
            if any(type(claims[name]) is not int for name in ("exp", "iat")):
                raise ValueError("a time is not a number")
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise self._refused("The access token is not valid.") from error
        except OSError as error:
            raise Unavailable(str(error)) from error
        if claims["exp"] - claims["iat"] > LONGEST_LIFE_S:
            raise self._refused("The access token lives too long.")
        # A token that is bound to a key must never pass for a bearer token.
        if "cnf" in claims:
            raise self._refused("The access token is bound to a key.")
        return kid, claims

    def _is_active(self, token):
        """RFC 7662, for as long as the feed is lost."""
        request = urllib.request.Request(
            self._introspection,
            urlencode({"token": token, "token_type_hint": "access_token"}).encode(),
            {"Authorization": basic(*self._client), "Accept": "application/json"},
        )
        try:
            with self._open(request, 3) as answer:
                return json.loads(answer.read(1 << 16)).get("active") is True
        except (OSError, ValueError, AttributeError, HTTPException) as error:
            raise Unavailable(f"the token could not be introspected: {error}") from error

    def _refused(self, message, status=401, error="invalid_token", *, scope=None):
        return Refused(status, error, message, realm=self._audience, scope=scope)
