"""Python's own pauses, in which no key answers, made short and rare."""

from __future__ import annotations

import gc
import sys

import textual.screen


def shorten() -> None:
    """At the start."""
    # A key passes from thread to thread and waits at each for the one that reads a flooding child: not 5 ms each time.
    sys.setswitchinterval(0.0005)
    # What a key changes is drawn in two steps or three, and each waits for the clock that draws: not 17 ms each time.
    textual.screen.UPDATE_PERIOD = 1 / 120  # type: ignore[misc]
    # Everything is looked through as garbage seldom: almost all of it goes without that.
    gc.set_threshold(700, 10, 100)


def settle() -> None:
    """What is there by now stays to the end: the garbage collector need not look through it, a tenth of a second or
    more, again and again.
    """
    gc.freeze()
