"""FastAPI: `@app.get("/me")` with `access: Annotated[dict, Depends(Guarded(guard))]`."""

from fastapi import HTTPException, Request

from .errors import Refused, Unavailable


class Guarded:
    """A dependency that gives the claims of the request's token. FastAPI runs it in a thread, so it may block."""

    def __init__(self, guard, *, scope=None, sensitive=False, optional=False):
        self._guard = guard
        self._how = {"scope": scope, "sensitive": sensitive, "optional": optional}

    def __call__(self, request: Request):
        authorization = request.headers.getlist("authorization")
        try:
            return self._guard.admit(authorization, request.url.query, **self._how)
        except (Refused, Unavailable) as error:
            raise HTTPException(error.status, error.description, dict(error.headers)) from error
