"""The vectors that every receiver reads: tests/vectors/feed/README.md."""

import json
import os
import threading
import unittest
from pathlib import Path

from latchkey_feed import Guard, Refused
from latchkey_feed.http import open_url

from .server import Issuer, until

FOLDER = Path(os.environ.get("LATCHKEY_VECTORS") or Path(__file__).parents[3] / "tests/vectors/feed")
FILES = sorted(FOLDER.glob("*.json"))


class Vectors(unittest.TestCase):
    def test_there_are_vectors(self):
        self.assertGreaterEqual(len(FILES), 8)

    def tell(self, vector):
        server = Issuer(vector["issuer"], vector["jwks"])
        server.changes = {
            name: f"{vector['issuer']}/{path}"
            for name, path in [
                ("jwks_uri", "jwks"), ("revocation_feed_endpoint", "revocations"),
                ("introspection_endpoint", "introspect"),
            ]
        }

        def redirected(request, timeout):
            # The issuer's name is the vector's, its addresses are ours.
            request.full_url = request.full_url.replace(vector["issuer"], server.url)
            return open_url(request, timeout)

        guard = Guard(
            issuer=vector["issuer"], audience=vector["audience"], client_id=vector["client_id"], client_secret="s:e c",
            now=lambda: vector["now"], random=lambda: 0, open_url=redirected,
        )
        count, alive = [0], guard.revocations.alive

        def counted():
            alive()
            count[0] += 1

        guard.revocations.alive = counted
        starting = threading.Thread(target=guard.start)
        starting.start()
        connections = vector["connections"]
        for index, told in enumerate(connections):
            connection = server.connection()
            self.assertEqual(connection.headers.get("Last-Event-ID"), told["last_event_id"], index)
            for message in told["messages"]:
                before = count[0]
                connection.send(message["event"], message["data"])
                if message["then"] == "live":
                    until("it is live", lambda: count[0] > before)
                elif message["then"] == "broken":
                    connection.closed()
                    self.assertNotEqual(guard.state, "live", message["payload"])
                else:
                    self.assertEqual(count[0], before, message["payload"])
            if index + 1 < len(connections):
                connection.end()
        starting.join(20)
        for one in vector["tokens"]:
            try:
                guard.verify(one["token"])
                refused = False
            except Refused as error:
                refused = error.status == 401
            self.assertEqual(refused, one["refused"], one["claims"])
        guard.close()
        server.stop()


def _test(path):
    def test(self):
        self.tell(json.loads(path.read_text()))

    return test


for _path in FILES:
    setattr(Vectors, f"test_{_path.stem}", _test(_path))
