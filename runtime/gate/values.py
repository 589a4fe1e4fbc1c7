"""How many values a JSON body holds, counted as it comes: to parse a million of them would stop every other request."""

from __future__ import annotations

#: of one body; a picture is one
MOST = 100_000
#: of one from the page, where each of thousands of files has seventeen
MOST_OF_THE_PAGE = 400_000
#: outside of texts, what begins a list or an object, or stands between two values
_MARKS = b"[{,:"


class Values:
    """Counts, and parses nothing: of what is no JSON it may count more than there is, never less."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._marks = self._quotes = 0
        self._within_text = self._wide = False
        #: a backslash whose letter has not come yet
        self._left = b""

    def add(self, part: bytes) -> bool:
        """The body's next bytes; False once there are too many values."""
        # UTF-16 and UTF-32 begin so, and any of their letters may hold the byte of a quotation mark
        self._wide = self._wide or b"\0" in part
        bare = part if self._wide else self._bare(part)
        self._marks += sum(map(bare.count, _MARKS))
        return self._marks <= self.most and self._texts <= self.most + 1

    @property
    def _texts(self) -> int:
        """As many as there are marks at most, and one: after each comes a mark, or an end."""
        return self._quotes // 2

    def _bare(self, part: bytes) -> bytes:
        """What of it stands outside of texts."""
        part = self._left + part
        if b"\\" in part:
            part = part.replace(b"\\\\", b"")
            self._left = b"\\" if part.endswith(b"\\") else b""
            part = part.removesuffix(b"\\").replace(b'\\"', b"")
        else:
            self._left = b""
        quotes = part.count(b'"')
        self._quotes += quotes
        if self._texts > self.most + 1:
            return b""
        bare = part.split(b'"')[self._within_text :: 2]
        self._within_text ^= quotes % 2 == 1
        return b"".join(bare)
