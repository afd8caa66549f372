"""What the issuer says of itself: RFC 8414, OpenID Connect Discovery."""

import http.client
import json
import time
import urllib.error
from urllib.parse import urlsplit

from .errors import ConnectError
from .feed import log, pause
from .http import get


def addresses(issuer):
    """RFC 8414 §3.1 puts the well-known name between host and path, OpenID Connect Discovery §4 behind the path."""
    url = urlsplit(issuer)
    if url.scheme not in ("https", "http") or not url.netloc or "?" in issuer or "#" in issuer:
        raise ConnectError(f"the issuer {issuer} is not an https or http URL without query and fragment", final=True)
    origin, path = f"{url.scheme}://{url.netloc}", url.path.rstrip("/")
    return [
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{origin}{path}/.well-known/openid-configuration",
    ]


def discover(issuer, *, open_url, patience, random):
    """The metadata, once the issuer answers. What may pass is tried again until `patience` seconds are over."""
    every = addresses(issuer)
    until, failures = time.monotonic() + patience, 0
    while True:
        try:
            return _read_first(issuer, every, open_url)
        except (OSError, http.client.HTTPException) as error:
            wait = pause(failures, random())
            if time.monotonic() + wait >= until:
                raise ConnectError(f"{every[0]} could not be read within {patience} s: {error}") from error
            log.warning("the issuer's metadata could not be read: %s", error)
            time.sleep(wait)
            failures += 1


def _read_first(issuer, every, open_url):
    for url in every:
        try:
            with get(open_url, url, {"Accept": "application/json"}, 3) as answer:
                return _checked(issuer, url, answer.read(1 << 18))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404 and url != every[-1]:
                continue
            if error.code >= 500 or error.code in (408, 425, 429):
                raise OSError(f"{url} answered {error.code}") from None
            raise ConnectError(f"{url} answered {error.code}", final=True) from None


def _checked(issuer, url, text):
    def unusable(why):
        return ConnectError(f"the metadata at {url} {why}", final=True)

    try:
        metadata = json.loads(text)
    except ValueError:
        raise unusable("is not JSON") from None
    # RFC 8414 §3.3: anything but the identical issuer must not be used.
    found = metadata.get("issuer") if isinstance(metadata, dict) else None
    if found != issuer:
        raise unusable(f"is that of the issuer {found}, not of {issuer}")
    for name in ("jwks_uri", "revocation_feed_endpoint", "introspection_endpoint"):
        address = metadata.get(name)
        if not isinstance(address, str) or not address:
            raise unusable(f"has no {name}")
        if issuer.startswith("https:") and not address.startswith("https:"):
            raise unusable(f"leads out of TLS to {address}")
    return metadata
