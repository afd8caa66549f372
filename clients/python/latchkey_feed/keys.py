"""The keys of the issuer."""

import http.client
import json
import threading
import time

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from .http import get

ALGORITHMS = ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"]
COOL_DOWN_S = 30
MAX_AGE_S = 600


class Keys:
    def __init__(self, url, open_url, now=time.time):
        self._url, self._open, self._now = url, open_url, now
        self._set, self._kids = None, set()
        self._fetched = self._tried = None
        self._sought = []
        self._lock = threading.Lock()

    def decode(self, token, typ):
        """The kid and the verified payload of a JWT of this type; ValueError, joserfc's errors, or OSError."""
        kid = kid_of(token)
        self._expect(kid)
        with self._lock:
            keys = self._set
        if keys is None:
            raise OSError("the issuer's keys have not been read")
        if kid not in self._kids:
            raise ValueError("the key is not known")
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
        if decoded.header.get("typ", "").lower() != typ:
            raise ValueError("the type is another one")
        return kid, decoded.claims

    def seek(self, kid):
        """Fetches a key that is not known, however short ago keys were fetched: the word that one is revoked is signed
        by the next. Five in a row and then one in ten seconds, so that nobody can make us flood the issuer."""
        if kid in self._kids:
            self._sought = []
            return
        now = self._now()
        if len(self._sought) >= 5 and now - self._sought[-1] < 10:
            return
        self._sought = [*self._sought[-4:], now]
        self.reload()

    def reload(self):
        """Fetches the keys; OSError if that fails, and what is known stays."""
        self._tried = self._now()
        try:
            with get(self._open, self._url, {"Accept": "application/jwk-set+json, application/json"}, 3) as answer:
                found = json.loads(answer.read(1 << 20))
            keys = [key for key in found["keys"] if isinstance(key.get("kid"), str)]
            imported = KeySet.import_key_set({"keys": keys})
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, http.client.HTTPException) as error:
            # Whatever is in front of the issuer may answer 200 with a page of its own.
            raise OSError(f"{self._url} is no set of keys: {error!r}") from error
        with self._lock:
            self._set = imported
            self._kids = {key["kid"] for key in keys}
            self._fetched = self._now()

    def _expect(self, kid):
        """For a token: an unknown key causes one fetch in thirty seconds, and what is known grows no older than ten
        minutes."""
        now = self._now()
        is_old = self._fetched is None or now - self._fetched > MAX_AGE_S
        if (is_old or kid not in self._kids) and (self._tried is None or now - self._tried > COOL_DOWN_S):
            try:
                self.reload()
            except OSError:
                if self._set is None:
                    raise OSError("the issuer's keys could not be read") from None


def kid_of(token):
    """The `kid` that a compact JWS names; nothing of it is verified."""
    if token.count(".") != 2:
        raise ValueError("no compact JWS")
    kid = jws.extract_compact(token.encode()).headers().get("kid")
    if not isinstance(kid, str) or not kid:
        raise ValueError("no key is named")
    return kid
