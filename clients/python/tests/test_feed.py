"""The receiver against a feed whose connections the test controls."""

import base64
import threading
import time
import unittest

from latchkey_feed import ConnectError, Guard, Refused, Unavailable
from latchkey_feed.feed import pause
from latchkey_feed.http import basic
from latchkey_feed.sse import events

from .server import Issuer, Signer, until

AUDIENCE = "urn:example:notes"


def options(server, **more):
    return {
        "issuer": server.issuer, "audience": AUDIENCE, "client_id": "notes", "client_secret": "s:e c", "patience": 5,
        **more,
    }


def status(guard, token, **how):
    try:
        guard.verify(token, **how)
    except (Refused, Unavailable) as error:
        return error.status
    return 200


class FeedTest(unittest.TestCase):
    def connected(self, server=None, **more):
        server = server or Issuer()
        self.addCleanup(server.stop)
        got = []
        starting = threading.Thread(target=lambda: got.append(Guard.connect(**options(server, **more))))
        starting.start()
        connection = server.bring_live()
        starting.join(10)
        self.addCleanup(got[0].close)
        return server, got[0], connection

    def test_a_revocation_on_the_feed_refuses_the_token(self):
        server, guard, connection = self.connected()
        self.assertEqual(connection.headers["Authorization"], "Basic bm90ZXM6cyUzQWUrYw==")  # notes:s%3Ae+c
        self.assertIsNone(connection.headers["Last-Event-ID"])
        token = server.token()
        self.assertEqual(guard.verify(token)["sub"], "alice")
        entries = [{"kind": "token", "jti": "jti-1", "until": int(time.time()) + 400}]
        connection.send("entries", server.message("entries", position=6, prev=5, entries=entries))
        until("it is refused", lambda: status(guard, token) == 401)

    def test_what_is_no_set_of_keys_ends_neither_the_feed_nor_what_is_known(self):
        server, guard, connection = self.connected()
        token = server.token()
        unusable = [[], None, {"keys": 1}, {"keys": [1]}, {"keys": [{"kid": "a", "kty": "zz"}]}]
        for position, server.jwks in enumerate(unusable, start=6):
            fetches = server.jwks_fetches
            entries = [{"kind": "key", "kid": f"old-{position}"}]
            connection.send("entries", server.message("entries", position=position, prev=position - 1, entries=entries))
            until("keys are asked for", lambda: server.jwks_fetches > fetches)
            self.assertEqual(status(guard, token), 200)
        entries = [{"kind": "token", "jti": "jti-1", "until": int(time.time()) + 400}]
        connection.send("entries", server.message("entries", position=11, prev=10, entries=entries))
        until("it is refused", lambda: status(guard, token) == 401)

    def test_an_interrupted_feed_is_resumed_where_it_was(self):
        server, guard, connection = self.connected()
        connection.end()
        second = server.connection()
        self.assertEqual(second.headers["Last-Event-ID"], "e1.5")
        second.send("heartbeat", server.message("heartbeat", position=5, prev=5))
        until("it is live", lambda: guard.state == "live")

    def test_a_silent_feed_is_left_and_tried_again(self):
        server, _, _ = self.connected(silence=0.1)
        self.assertEqual(server.connection().headers["Last-Event-ID"], "e1.5")

    def test_a_feed_of_comments_alone_is_silent(self):
        server, _, connection = self.connected(silence=0.2)
        connection.closed()  # which writes comments
        self.assertEqual(server.connection().headers["Last-Event-ID"], "e1.5")

    def test_a_feed_that_is_lost_fails_closed_sensitive_routes_first(self):
        ahead = [0]

        def now():
            return time.time() + ahead[0]

        server, guard, _ = self.connected(now=now)
        ahead[0] = 16
        self.assertEqual(guard.state, "grace")
        self.assertEqual(status(guard, server.token(now=now()), sensitive=True), 503)
        self.assertEqual(status(guard, server.token(now=now())), 200)
        ahead[0] = 76
        self.assertEqual(guard.state, "lost")
        self.assertEqual(status(guard, server.token(now=now())), 401, "introspection says inactive")
        server.active = True
        self.assertEqual(status(guard, server.token(now=now())), 200, "introspection says active")
        self.assertEqual(server.asked[0], "Basic bm90ZXM6cyUzQWUrYw==")
        guard._introspection = "http://127.0.0.1:1/introspect"
        self.assertEqual(status(guard, server.token(now=now())), 503, "nobody can be asked")

    def test_a_revoked_key_is_refused_and_the_next_one_is_fetched_at_once(self):
        server, guard, connection = self.connected()
        old, following, token = server.key, Signer("key-2"), server.token()
        server.jwks = {"keys": [old.jwk, following.jwk]}
        server.key = following
        entries = [{"kind": "key", "kid": "key-1"}]
        connection.send("entries", server.message("entries", position=6, prev=5, entries=entries))
        until("the old key is refused", lambda: status(guard, token) == 401)
        self.assertEqual(status(guard, server.token()), 200, "the next key is known")

    def test_tokens_that_are_not_what_they_should_be_are_refused(self):
        server, guard, _ = self.connected()
        now = int(time.time())
        for changes in [
            {"iss": "https://other.example"}, {"aud": "urn:example:other"}, {"exp": now - 60, "iat": now - 360},
            {"exp": now + 901}, {"iat": now + 60}, {"jti": None}, {"jti": 7}, {"client_id": None}, {"exp": None},
            {"exp": str(now + 300)}, {"iat": True}, {"cnf": {"jkt": "x"}},
        ]:
            self.assertEqual(status(guard, server.token(**changes)), 401, changes)
        self.assertEqual(status(guard, server.token(Signer("key-1"))), 401, "another key of this name")
        self.assertEqual(status(guard, server.message("heartbeat", sub="alice", aud=AUDIENCE)), 401, "another typ")
        for text in ["", "x", "a.b.c", "ü.b.c", "x" * 9000]:
            self.assertEqual(status(guard, text), 401, text[:9])

    def test_a_server_that_names_keys_at_will_does_not_make_us_flood_the_issuer(self):
        server, guard, _ = self.connected()
        before = server.jwks_fetches
        for number in range(20):
            self.assertEqual(status(guard, server.token(Signer(f"strange-{number}"))), 401)
        self.assertLessEqual(server.jwks_fetches - before, 1)

    def test_an_issuer_with_a_path_that_is_still_starting_is_discovered(self):
        server = Issuer(path="/auth")
        server.statuses = [503, 429]
        _, guard, _ = self.connected(server)
        self.assertEqual(guard.state, "live")

    def test_connecting_fails_at_once_and_says_why(self):
        for plan, said in [
            ({"feed_status": 401}, "revocations answered 401"),
            ({"feed_status": 403}, "revocations answered 403"),
            ({"statuses": [403]}, "oauth-authorization-server answered 403"),
            ({"statuses": [404]}, "openid-configuration answered 404"),
            ({"changes": {"issuer": "https://other.example"}}, "issuer https://other.example, not of"),
            ({"changes": {"revocation_feed_endpoint": None}}, "has no revocation_feed_endpoint"),
        ]:
            server = Issuer()
            vars(server).update(plan)
            began = time.monotonic()
            with self.assertRaises(ConnectError) as raised:
                Guard.connect(**options(server))
            self.assertIn(said, str(raised.exception))
            self.assertTrue(raised.exception.final)
            self.assertLess(time.monotonic() - began, 4)
            server.stop()

    def test_an_issuer_that_does_not_come_up_is_given_up_in_time(self):
        server = Issuer()
        self.addCleanup(server.stop)
        server.statuses = [503] * 100
        with self.assertRaisesRegex(ConnectError, r"could not be read within 0.3 s.*503"):
            Guard.connect(**options(server, patience=0.3))

    def test_pauses_grow_to_five_seconds_and_half_of_them_is_chance(self):
        found = [pause(0, 0), pause(0, 1), pause(3, 1), pause(100, 0), pause(100, 1)]
        self.assertEqual(found, [0.05, 0.1, 0.8, 2.5, 5])

    def test_id_and_secret_are_form_encoded_before_they_are_joined(self):
        pair = base64.b64decode(basic("a:b c", "p%q+ü")[6:]).decode()
        self.assertEqual(pair, "a%3Ab+c:p%25q%2B%C3%BC")

    def test_events_are_the_same_wherever_the_bytes_are_cut(self):
        text = (
            "\ufeff: hello\nid: 1.2\nevent: entries\ndata: a.b.c\n\nevent:heartbeat\r\ndata:x\r\ndata: y\r\n\r\n"
            "retry: 5\rdata\rdata: ü\r\rdata: never finished\n"
        ).encode()
        expected = [("entries", "a.b.c"), ("heartbeat", "x\ny"), ("message", "\nü")]
        for cut in range(len(text) + 1):
            self.assertEqual(list(events([text[:cut], text[cut:]])), expected, cut)
        for chunk in [b"x" * (1 << 21), b"data: \xff\n"]:
            with self.assertRaises(ValueError):
                list(events([chunk]))


if __name__ == "__main__":
    unittest.main()
