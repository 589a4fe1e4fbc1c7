"""Fixtures for both halves of the runtime: a tiny untrained checkpoint in Stable Diffusion 1.x's original layout."""

import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def checkpoint_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, 64 channels everywhere, text width 32, native size 64 x 64, float16."""
    from tests.runtime.tiny_checkpoint import write_tiny_checkpoint

    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    write_tiny_checkpoint(path)
    return path


@pytest.fixture
def python() -> str:
    """The engine's interpreter: the one that runs these tests."""
    return sys.executable
