"""Every reader of strangers' input in the runtime: 500 inputs each of the long form's kind, and what that has found."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.release.mutator import Mutator
from tests.release.runtime_parsers import TARGETS

#: what once ended otherwise than declared
FOUND = (
    ("picture text", b"\x03" + b"Software" * 10), ("api picture", b"\x02\x03" + b"+" * 100),
)  # fmt: skip


def inputs(name: str) -> st.SearchStrategy[bytes]:
    """Words of its language in any order, its seeds changed, and noise."""
    target = TARGETS[name]

    def changed(seed: bytes, number: int) -> bytes:
        return Mutator(random.Random(number), target.words).changed(seed, target.seeds)[:2000]

    return st.one_of(
        st.lists(st.sampled_from(target.words), max_size=30).map(b"".join),
        st.builds(changed, st.sampled_from(target.seeds), st.integers(0, 2**32)),
        st.binary(max_size=60),
    )


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_read_or_refused_as_declared(name: str) -> None:
    @settings(max_examples=500, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs(name))
    def holds(data: bytes) -> None:
        TARGETS[name].holds(data)

    holds()


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_once_stays_mended(name: str, data: bytes) -> None:
    TARGETS[name].holds(data)
