"""FastAPI and Django: the same requests, the same answers."""

import threading
import unittest
from typing import Annotated

import django
from django.conf import settings
from django.http import HttpResponse
from django.test import RequestFactory
from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient

from latchkey_feed import Guard, Unavailable
from latchkey_feed.django import guarded
from latchkey_feed.fastapi import Guarded

from .server import Issuer

settings.configure(ALLOWED_HOSTS=["*"])
django.setup()


def in_fastapi(guard):
    app = FastAPI()

    @app.get("/me", response_class=PlainTextResponse)
    def me(access: Annotated[dict, Depends(Guarded(guard))]):
        return access["sub"]

    @app.post("/notes", response_class=PlainTextResponse, dependencies=[Depends(Guarded(guard, scope="notes.write"))])
    def notes():
        return "kept"

    @app.get("/open", response_class=PlainTextResponse)
    def anybody(access: Annotated[dict | None, Depends(Guarded(guard, optional=True))]):
        return access["sub"] if access else "anonymous"

    client = TestClient(app)

    def call(method, path, headers):
        answer = client.request(method, path, headers=headers)
        return answer.status_code, answer.headers.get("www-authenticate", ""), answer.text

    return call


def in_django(guard):
    def name(request):
        return HttpResponse(request.access["sub"] if request.access else "anonymous")

    views = {
        "/me": guarded(guard)(name),
        "/notes": guarded(guard, scope="notes.write")(lambda request: HttpResponse("kept")),
        "/open": guarded(guard, optional=True)(name),
    }

    def call(method, path, headers):
        given = ",".join(value for _, value in headers)  # as servers join them
        request = RequestFactory().generic(method, path, **({"HTTP_AUTHORIZATION": given} if headers else {}))
        answer = views[path.split("?")[0]](request)
        return answer.status_code, answer.headers.get("WWW-Authenticate", ""), answer.content.decode()

    return call


class Adapters(unittest.TestCase):
    def test_who_is_let_in_and_what_the_others_are_told(self):
        issuer = Issuer()
        got = []
        options = {"issuer": issuer.issuer, "audience": "urn:example:notes", "client_id": "notes", "client_secret": "s"}
        starting = threading.Thread(target=lambda: got.append(Guard.connect(**options)))
        starting.start()
        issuer.bring_live()
        starting.join(10)
        token, writer = issuer.token(), issuer.token(scope="notes.read notes.write")

        def bearer(text):
            return [("authorization", f"Bearer {text}")]

        for start in (in_fastapi, in_django):
            call = start(got[0])
            twice = (400, "invalid_request") if start is in_fastapi else (401, "invalid_token")
            for method, path, headers, status, told in [
                ("GET", "/me", bearer(token), 200, "alice"),
                ("GET", "/me", [], 401, 'Bearer realm="urn:example:notes"'),
                ("GET", "/me", bearer(f"{token}x"), 401, "invalid_token"),
                ("GET", "/me", [("authorization", "Basic YTpi")], 401, "invalid_token"),
                ("GET", "/me", bearer(token) * 2, *twice),
                ("GET", f"/me?access_token={token}", bearer(token), 400, "invalid_request"),
                ("POST", "/notes", bearer(token), 403, 'scope="notes.write"'),
                ("POST", "/notes", bearer(writer), 200, "kept"),
                ("GET", "/open", [], 200, "anonymous"),
                ("GET", "/open", bearer(token), 200, "alice"),
                ("GET", "/open", bearer("x"), 401, "invalid_token"),
            ]:
                found, challenge, body = call(method, path, headers)
                where = f"{start.__name__} {method} {path}: {found} {challenge} {body}"
                self.assertEqual(found, status, where)
                self.assertIn(told, f"{challenge} {body}", where)
        got[0].close()
        issuer.stop()

    def test_a_sender_is_told_nothing_of_addresses_when_nobody_can_be_asked(self):
        class Deaf:
            def admit(self, *_, **__):
                raise Unavailable("connect to 10.0.0.3:8081: refused")

        for start in (in_fastapi, in_django):
            status, _, body = start(Deaf())("GET", "/me", [])
            self.assertEqual(status, 503)
            self.assertIn("cannot be checked", body)
            self.assertNotIn("10.0.0.3", body)
