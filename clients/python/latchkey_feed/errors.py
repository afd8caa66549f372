"""What a request is told, in the words of RFC 6750 §3."""


class Refused(Exception):
    """A request that must not pass. `status`, `headers` and the message are what its sender may know."""

    def __init__(self, status, error, message, *, realm="api", scope=None):
        super().__init__(message)
        self.description = message
        self.status, self.error, self.realm, self.scope = status, error, realm, scope

    @property
    def headers(self):
        # RFC 6750 §3.1: no error code when the request carried no credentials at all.
        realm = "".join(char for char in self.realm if char not in '"\\\r\n')
        parts = [f'Bearer realm="{realm}"']
        if self.error:
            parts.append(f'error="{self.error}"')
        if self.scope:
            parts.append(f'scope="{self.scope}"')
        return {"WWW-Authenticate": ", ".join(parts), "Cache-Control": "no-store"}


class Unavailable(Exception):
    """Revocations may have been missed, and nobody can be asked: fail closed, and let the sender try again. The message
    may name addresses of ours, and is for the log; `description` is for the sender."""

    description = "The token cannot be checked at the moment."
    status, error = 503, "temporarily_unavailable"
    headers = {"Retry-After": "1", "Cache-Control": "no-store"}


class ConnectError(Exception):
    """The guard could not be connected. `final` when waiting does not help."""

    def __init__(self, message, *, final=False):
        super().__init__(message)
        self.final = final
