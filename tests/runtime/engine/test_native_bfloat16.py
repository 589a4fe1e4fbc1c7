"""The precision of the processor is found by trying."""

import itertools
import platform

import pytest
import torch

from runtime.engine import native_bfloat16
from runtime.engine.memory import look
from runtime.engine.native_bfloat16 import multiplies_bfloat16


@pytest.mark.parametrize(("bfloat16", "native"), [(0.5, True), (0.9, False), (5.0, False)])
def test_what_is_faster_is_used(monkeypatch, bfloat16, native):
    """Whatever else keeps the computer busy meanwhile: most turns take ten times as long, other ones of each dtype."""
    taken = {torch.float32: 1.0, torch.bfloat16: bfloat16}
    turns = itertools.count()
    monkeypatch.setattr(native_bfloat16, "_seconds", lambda one: taken[one.dtype] * (1 if next(turns) % 5 == 0 else 10))
    multiplies_bfloat16.cache_clear()
    assert multiplies_bfloat16() is native
    assert look().native_bfloat16 is native
    multiplies_bfloat16.cache_clear()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors do not tell")
def test_a_processor_without_instructions_for_it_is_seen():
    multiplies_bfloat16.cache_clear()
    if not torch.cpu._is_avx512_bf16_supported() and not torch.cpu._is_amx_tile_supported():
        assert not multiplies_bfloat16()
