"""A user with a workspace, a home and the programs of this computer, in English."""

from __future__ import annotations

import os

import pytest

from launcher.core.mends.mend import Here
from tests.launcher.mends.mending import here_in
from tests.launcher.seed_list.staging import Patient


@pytest.fixture
def here(tmp_path) -> Here:
    found: Here = here_in(
        tmp_path, PATH=os.environ["PATH"], LANG="C.UTF-8", LC_ALL="C.UTF-8", PIP_CONFIG_FILE=os.devnull,
        GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0",
    )  # fmt: skip
    return found


@pytest.fixture
def patient(here, tmp_path, capsys, monkeypatch) -> Patient:
    """No desktop is asked for its proxy."""
    monkeypatch.setattr("launcher.core.network.proxies.ask_system", lambda environ: ())
    return Patient(here, tmp_path, capsys)
