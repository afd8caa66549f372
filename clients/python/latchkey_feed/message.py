"""The messages of the feed: proved by joserfc, read strictly, and held against the one before."""

import re

from joserfc.errors import JoseError

from .keys import kid_of

FRESH_FOR_S = 120
KINDS = {
    "token": {"jti": str, "until": int},
    "family": {"fam": str, "until": int},
    "subject": {"sub": str, "before": int, "until": int},
    "client": {"client_id": str, "before": int, "until": int},
    "key": {"kid": str},
}
EVENTS = ("snapshot", "entries", "heartbeat")


class Broken(Exception):
    """The connection can no longer be trusted. `wrong_issuer` when the feed is that of another one."""

    def __init__(self, message, *, wrong_issuer=False):
        super().__init__(message)
        self.wrong_issuer = wrong_issuer


def prove(event, data, *, keys, revocations, issuer, client_id, now):
    """Verifies and reads one message; keys that are not known yet are fetched."""
    if event not in EVENTS:
        raise Broken(f"an event has an unknown name: {event}")
    message = _verified(data, keys, revocations)
    if message.get("iss") != issuer:
        raise Broken(f"a message comes from the issuer {message.get('iss')}, not from {issuer}", wrong_issuer=True)
    audience = message.get("aud")
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise Broken("a message is addressed to another client")
    if not _is(int, message.get("iat")) or abs(message["iat"] - int(now())) > FRESH_FOR_S:
        raise Broken("the time of a message is too far away")
    if message.get("event") != event:
        raise Broken("the signed name of an event is another one")
    epoch, position, prev = message.get("epoch"), message.get("position"), message.get("prev")
    more, entries = message.get("more", False), message.get("entries", [])
    if not isinstance(epoch, str) or not re.fullmatch(r"[!-~]+", epoch):
        raise Broken("a message has no epoch")
    if not _is(int, position) or not (prev is None or _is(int, prev)):
        raise Broken("a message has no position")
    if not isinstance(more, bool) or not isinstance(entries, list):
        raise Broken("a message is malformed")
    return {
        "event": event, "epoch": epoch, "position": position, "prev": prev, "more": more,
        "entries": [entry for entry in entries if _is_known(entry)],
    }


def _verified(data, keys, revocations):
    try:
        kid = kid_of(data)
        if revocations.is_key_revoked(kid):
            raise ValueError("its key is revoked")
        keys.seek(kid)
        return keys.decode(data, "revocations+jwt")[1]
    except (JoseError, ValueError, KeyError, OSError) as error:
        raise Broken(f"a message could not be verified: {error}") from error


def _is_known(entry):
    """An entry of an unknown kind is passed over; one of a known kind must be whole."""
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
        raise Broken("an entry has no kind")
    for name, kind in KINDS.get(entry["kind"], {}).items():
        if not _is(kind, entry.get(name)):
            raise Broken(f"an entry of kind {entry['kind']} lacks {name}")
    return entry["kind"] in KINDS


def _is(kind, value):
    """A text that is not empty, or a whole number from 0."""
    if kind is str:
        return isinstance(value, str) and value != ""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class Chain:
    """The messages of one connection, each compared with the one before."""

    def __init__(self, resume=None):
        self._last, self._fresh, self._synced = resume, True, resume is not None

    @property
    def cursor(self):
        """Where a later connection may go on: nowhere while a snapshot is incomplete."""
        return self._last if self._synced else None

    def accept(self, message):
        """Whether this message begins anew, and whether everything is known after it."""
        last, is_snapshot = self._last, message["event"] == "snapshot"
        anew = last is not None and self._fresh and is_snapshot
        if last is None:
            if not is_snapshot:
                raise Broken("the first message is not a snapshot")
        elif not anew:
            if message["epoch"] != last[0]:
                raise Broken("the log was replaced")
            if message["prev"] != last[1] or message["position"] < last[1]:
                raise Broken("messages are missing")
        self._fresh = False
        if is_snapshot:
            self._synced = not message["more"]
        self._last = (message["epoch"], message["position"])
        return anew, self._synced
