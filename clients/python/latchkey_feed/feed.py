"""The receiver: one long answer, and another one when it ends."""

import http.client
import logging
import time
import urllib.error

from .http import basic, get
from .message import Broken, Chain, prove
from .sse import events

log = logging.getLogger("latchkey_feed")
FOR_AN_OPERATOR = (401, 403, 404)


class Rejected(Exception):
    """The server refuses this client."""

    def __init__(self, url, status):
        super().__init__(f"{url} answered {status}")
        self.final = status in FOR_AN_OPERATOR


class Feed:
    def __init__(self, *, url, issuer, client_id, client_secret, keys, revocations, now, random, silence, open_url):
        self.url, self.open_url, self.silence, self.random = url, open_url, silence, random
        self.keys, self.revocations = keys, revocations
        self.reading = {
            "issuer": issuer, "client_id": client_id, "keys": keys, "revocations": revocations, "now": now,
        }
        self.authorization = basic(client_id, client_secret)
        self.trouble = None

    def run(self, stop):
        """Keeps the revocations current until the event `stop` is set."""
        resume, failures = None, 0
        while not stop.is_set():
            chain, resume, self.was_live = Chain(resume), None, False
            try:
                self._connection(chain, stop)
            except Broken as error:
                self.revocations.reset()
                failures, why = failures + 1, error
            except Rejected as error:
                failures, why = failures + 1, error
            except (OSError, ValueError, http.client.HTTPException) as error:
                # A mere interruption: what was told before it still counts.
                resume = chain.cursor
                failures, why = 0 if self.was_live else failures + 1, error
            except Exception as error:  # A thread that ends here would leave the guard deaf, and nobody would be told.
                self.revocations.reset()
                failures, why = failures + 1, error
            else:
                return
            self.trouble = why
            self.revocations.wake()
            if not stop.is_set():
                log.warning("the revocation feed %s was interrupted: %s", self.url, why)
            stop.wait(pause(failures, self.random()))

    def _connection(self, chain, stop):
        headers = {"Authorization": self.authorization, "Accept": "text/event-stream"}
        if chain.cursor is not None:
            headers["Last-Event-ID"] = "{}.{}".format(*chain.cursor)
        try:
            answer = get(self.open_url, self.url, headers, self.silence)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500:
                raise Rejected(self.url, error.code) from None
            raise OSError(f"the answer was {error.code}") from None
        with answer:
            if answer.status != 200 or not answer.headers.get_content_type() == "text/event-stream":
                raise OSError(f"the answer was {answer.status} of type {answer.headers.get_content_type()}")
            heard = [time.monotonic()]
            for event, data in events(self._chunks(answer, heard, stop)):
                self._take_in(event, data, chain)
                heard[0] = time.monotonic()
            if not stop.is_set():
                raise OSError("the server closed the connection")

    def _chunks(self, answer, heard, stop):
        """Only messages count: a server that sends nothing but comments is silent."""
        while not stop.is_set():
            chunk = answer.read1(1 << 16)
            if not chunk:
                return
            yield chunk
            if time.monotonic() - heard[0] > self.silence:
                raise OSError("nothing was heard for a long time")

    def _take_in(self, event, data, chain):
        message = prove(event, data, **self.reading)
        anew, live = chain.accept(message)
        if anew:
            self.revocations.reset()
        self.revocations.apply(message["entries"])
        if any(entry["kind"] == "key" for entry in message["entries"]):
            try:
                self.keys.reload()
            except OSError as error:
                log.warning("the keys could not be fetched: %s", error)
        if live:
            self.was_live, self.trouble = True, None
            self.revocations.alive()


def pause(failures, random):
    """Seconds: from 0.1, doubling up to 5; the upper half is chance, so that receivers do not all come back at once."""
    longest = min(0.1 * 2 ** min(failures, 10), 5)
    return longest / 2 + random * longest / 2
