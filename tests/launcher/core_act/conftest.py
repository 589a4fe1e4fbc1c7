"""A workspace, and an environment of variables that no configuration of this computer reaches into."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.core.paths import Workspace
from launcher.core.serving.launch import stop


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Its name has a space and Chinese in it; what a test leaves running is stopped."""
    workspace = Workspace(tmp_path / "我的 space")
    yield workspace
    stop(workspace)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Variables for an install: no pip or uv settings but the test's own, one cache for this test, no waiting."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "UV_HTTP_RETRIES": "0", "UV_CACHE_DIR": str(tmp_path / "uv-cache")}
