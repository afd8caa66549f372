"""What has ended, and how old that knowledge is."""

import threading
import time

LIVE_S = 15
GRACE_S = 60


class Revocations:
    """Safe to use from many threads."""

    def __init__(self, now=time.time, grace=GRACE_S):
        self._now, self._grace = now, grace
        self._tokens, self._families, self._subjects, self._clients = {}, {}, {}, {}
        self._keys = set()
        self._heard = None
        self._live = False
        self._swept = 0
        self._changed = threading.Condition()

    @property
    def state(self):
        """`live`, `grace`, `lost`, or `never` before the first complete snapshot."""
        heard = self._heard
        if heard is None:
            return "never"
        age = self._now() - heard
        if self._live and age <= LIVE_S:
            return "live"
        return "grace" if age <= LIVE_S + self._grace else "lost"

    def apply(self, entries):
        """Remembers the entries of a message. Nothing that is known becomes wrong, so nothing is taken back."""
        kinds = {
            "token": (self._tokens, "jti"),
            "family": (self._families, "fam"),
            "subject": (self._subjects, "sub"),
            "client": (self._clients, "client_id"),
        }
        for entry in entries:
            if entry["kind"] == "key":
                self._keys.add(entry["kid"])
                continue
            known, name = kinds[entry["kind"]]
            before, until = entry.get("before"), entry["until"]
            old = known.get(entry[name])
            if old is not None:
                before, until = before and max(before, old[0]), max(until, old[1])
            known[entry[name]] = (before, until)
        self._sweep()

    def alive(self):
        """Everything up to here is known."""
        with self._changed:
            self._heard, self._live = self._now(), True
            self._changed.notify_all()

    def reset(self):
        """Something may be missing until the next complete snapshot."""
        self._live = False

    def wait(self, condition, timeout):
        """Waits until `condition` holds, at most `timeout` seconds; whether it does."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def wake(self):
        with self._changed:
            self._changed.notify_all()

    def is_key_revoked(self, kid):
        return kid in self._keys

    def is_revoked(self, claims, kid):
        """Whether the token with these verified claims, signed by this key, has ended."""

        def ends(entry):  # `before` ends what was issued at or before it
            return entry is not None and claims["iat"] <= entry[0]

        return (
            kid in self._keys
            or claims["jti"] in self._tokens
            or claims.get("fam") in self._families
            or ends(self._subjects.get(claims["sub"]))
            or ends(self._clients.get(claims["client_id"]))
        )

    def _sweep(self):
        """Once a minute: an entry is forgotten after its `until`."""
        now = int(self._now())
        if now < self._swept + 60:
            return
        self._swept = now
        for known in (self._tokens, self._families, self._subjects, self._clients):
            for name in [name for name, (_, until) in known.items() if until < now]:
                del known[name]
