"""Every reader of strangers' input in the runtime: 500 inputs each of the long form's kind, and what that has found."""

from __future__ import annotations

import pytest

from tests.release.any_input import holds_for_any_input
from tests.release.runtime_parsers import TARGETS
from tests.release.target import Target

#: what once ended otherwise than declared
FOUND = (
    ("picture text", b"\x03" + b"Software" * 10), ("api picture", b"\x02\x03" + b"+" * 100),
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_whatever_comes_is_read_or_refused_as_declared(target: Target) -> None:
    holds_for_any_input(target)


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_once_stays_mended(name: str, data: bytes) -> None:
    TARGETS[name].holds(data)
