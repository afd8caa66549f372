"""Server-sent events, as far as the feed uses them: event and data."""

import codecs
import re

LONGEST = 1 << 20
# A carriage return at the end may be the first half of a line's end.
_END = re.compile(r"\r\n|\n|\r(?!\Z)")


def events(chunks):
    """Yields (event, data) of chunks of bytes. Text that is not UTF-8, or has no end, is a ValueError."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest, event, data, size = "", "", [], 0
    for chunk in chunks:
        *lines, rest = _END.split(rest + decoder.decode(chunk))
        if len(rest) > LONGEST:
            raise ValueError("a line of the stream has no end")
        for line in lines:
            if not line:
                if data:
                    yield event or "message", "\n".join(data)
                event, data, size = "", [], 0
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                event = value
            elif field == "data":
                data.append(value)
                size += len(line)
                if size > LONGEST:
                    raise ValueError("an event of the stream has no end")
