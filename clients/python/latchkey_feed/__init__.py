"""Guards an API with the tokens of a Latchkey issuer. docs/feed.md has the wire form of the feed."""

from .errors import ConnectError, Refused, Unavailable
from .guard import Guard
from .revocations import Revocations

__all__ = ["ConnectError", "Guard", "Refused", "Revocations", "Unavailable"]
