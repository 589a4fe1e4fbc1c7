"""Any input for a reader of strangers' input: words of its language in any order, its seeds changed, and noise."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.release.mutator import Mutator
from tests.release.target import Target


def holds_for_any_input(target: Target, inputs: int = 500) -> None:
    """Reads so many inputs, the same in every run; the first that ends otherwise than declared is an error."""

    @settings(
        max_examples=inputs, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(_inputs(target))
    def holds(data: bytes) -> None:
        target.holds(data)

    holds()


def _inputs(target: Target) -> st.SearchStrategy[bytes]:
    def changed(seed: bytes, number: int) -> bytes:
        return Mutator(random.Random(number), target.words).changed(seed, target.seeds)[:2000]

    return st.one_of(
        st.lists(st.sampled_from(target.words), max_size=30).map(b"".join),
        st.builds(changed, st.sampled_from(target.seeds), st.integers(0, 2**32)),
        st.binary(max_size=60),
    )
