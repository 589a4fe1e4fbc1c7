"""The private pipe between server and worker: length-prefixed messages of JSON and raw bytes, never pickle."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True)
class Message:
    """`body` is a JSON object; `blobs` are bytes that belong to it (pictures)."""

    body: dict[str, Any]
    blobs: tuple[bytes, ...] = ()


class ChannelClosedError(Exception):
    """The other side is gone."""


class Channel:
    """One end of the pipe. One thread may send while another receives; two senders need a lock of their own."""

    def __init__(self, end: Any) -> None:
        self._end = end

    def send(self, message: Message) -> None:
        header = json.dumps([message.body, [len(blob) for blob in message.blobs]]).encode()
        try:
            self._end.send_bytes(b"".join((_LENGTH.pack(len(header)), header, *message.blobs)))
        except (OSError, ValueError) as broken:
            raise ChannelClosedError(str(broken)) from broken

    def receive(self) -> Message:
        """Waits for the next message; ChannelClosedError when there will be none."""
        try:
            frame: bytes = self._end.recv_bytes()
        except (EOFError, OSError) as broken:
            raise ChannelClosedError(str(broken)) from broken
        (length,) = _LENGTH.unpack_from(frame)
        start = _LENGTH.size + length
        body, sizes = json.loads(frame[_LENGTH.size : start])
        blobs = []
        for size in sizes:
            blobs.append(frame[start : start + size])
            start += size
        return Message(body, tuple(blobs))

    def waiting(self, seconds: float = 0.0) -> bool:
        """Is there something to receive within `seconds`? A closed pipe counts as something."""
        try:
            return bool(self._end.poll(seconds))
        except (OSError, EOFError):
            return True

    def close(self) -> None:
        self._end.close()


def start_with_channel(
    command: Sequence[str], environment: dict[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], Channel]:
    """Start `command` + [handle] with one end of a new channel inherited; its standard output joins standard error."""
    ours, theirs = connection.Pipe()
    handle = theirs.fileno()
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        options["startupinfo"] = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
    else:
        options["pass_fds"] = (handle,)
    child = subprocess.Popen(
        [*command, str(handle)], stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(), env=environment, **options
    )
    theirs.close()
    return child, Channel(ours)


def inherited_channel(handle: int) -> Channel:
    """The channel whose handle the parent put on the command line."""
    if sys.platform == "win32":
        return Channel(connection.PipeConnection(handle))
    return Channel(connection.Connection(handle))
