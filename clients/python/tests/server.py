"""An issuer in the process: its metadata, its keys, its feed by docs/feed.md, whose connections a test controls by hand."""

import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jwt
from joserfc.jwk import ECKey


class Signer:
    def __init__(self, kid):
        self.kid = kid
        self.key = ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"})
        self.jwk = self.key.as_dict(private=False)

    def sign(self, payload, typ):
        return jwt.encode({"alg": "ES256", "typ": typ, "kid": self.kid}, payload, self.key)


class Connection:
    """One connection of the receiver, seen from the server."""

    def __init__(self, handler):
        self._handler = handler
        self.headers = handler.headers
        self.ended = threading.Event()

    def send(self, event, data):
        self._handler.wfile.write(f"id: 1.1\nevent: {event}\ndata: {data}\n\n".encode())

    def end(self):
        self.ended.set()

    def closed(self):
        """The receiver has disconnected: sooner or later nothing can be written."""

        def is_closed():
            try:
                self._handler.wfile.write(b": are you there\n\n")
            except OSError:
                return True
            return False

        until("it is closed", is_closed)
        self.end()


class Issuer:
    def __init__(self, issuer=None, jwks=None, path=""):
        self.key = Signer("key-1")
        self.jwks = jwks or {"keys": [self.key.jwk]}
        self.path, self.changes, self.statuses = path, {}, []
        self.feed_status, self.active = 200, False
        self.asked, self.jwks_fetches = [], 0
        self.connections = queue.Queue()
        self._every = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{path}"
        self.issuer = issuer or self.url
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _handler(outer):
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def told(self, value, status=200):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append(self.headers["Authorization"])
                self.told({"active": outer.active})

            def do_GET(self):
                if self.path == f"/.well-known/oauth-authorization-server{outer.path}":
                    status = outer.statuses.pop(0) if outer.statuses else None
                    return self.told({} if status else outer.metadata(), status or 200)
                path = self.path.removeprefix(outer.path)
                if path == "/jwks":
                    outer.jwks_fetches += 1
                    return self.told(outer.jwks)
                if path != "/revocations":
                    return self.told({}, 404)
                if outer.feed_status != 200:
                    return self.told({}, outer.feed_status)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream; charset=utf-8")
                self.end_headers()
                self.wfile.write(b": hello\n\n")
                connection = Connection(self)
                outer._every.append(connection)
                outer.connections.put(connection)
                connection.ended.wait(60)

        return Handler

    def metadata(self):
        named = {
            "issuer": self.issuer, "jwks_uri": f"{self.url}/jwks",
            "revocation_feed_endpoint": f"{self.url}/revocations", "introspection_endpoint": f"{self.url}/introspect",
            **self.changes,
        }
        return {name: value for name, value in named.items() if value is not None}

    def connection(self):
        return self.connections.get(timeout=20)

    def message(self, event, **changes):
        return self.key.sign({
            "iss": self.issuer, "aud": "notes", "iat": int(time.time()), "epoch": "e1", "position": 1, "more": False,
            "event": event, "entries": [], **changes,
        }, "revocations+jwt")

    def token(self, key=None, now=None, **changes):
        now = int(now or time.time())
        claims = {
            "iss": self.issuer, "sub": "alice", "aud": "urn:example:notes", "client_id": "web", "iat": now,
            "exp": now + 300, "jti": "jti-1", "scope": "notes.read", **changes,
        }
        return (key or self.key).sign({n: v for n, v in claims.items() if v is not None}, "at+jwt")

    def bring_live(self):
        """A snapshot on the next connection, which makes the receiver live."""
        connection = self.connection()
        connection.send("snapshot", self.message("snapshot", position=5))
        return connection

    def stop(self):
        for connection in self._every:
            connection.end()
        self._server.shutdown()
        self._server.server_close()


def until(what, condition):
    """Polls until `condition` holds; a test that waits for what never comes fails."""
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen")
        time.sleep(0.005)
