"""Requests without redirects: credentials must not follow one."""

import base64
import urllib.error
import urllib.parse
import urllib.request


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def open_url(request, timeout):
    """Every status but 200 is an HTTPError."""
    return _OPENER.open(request, timeout=timeout)


def get(opener, url, headers, timeout):
    return opener(urllib.request.Request(url, headers=headers), timeout)


def basic(client_id, client_secret):
    """RFC 6749 §2.3.1: id and secret are form-encoded before they are joined."""
    pair = ":".join(urllib.parse.quote_plus(text) for text in (client_id, client_secret))
    return "Basic " + base64.b64encode(pair.encode()).decode()
