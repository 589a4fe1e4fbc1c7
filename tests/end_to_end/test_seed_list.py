"""What of the tutorials' list only the real torch can say, in the environment that Gesso has installed."""

from __future__ import annotations

import os

import pytest

from launcher.core.mends.run_profile import memory_of
from tests.launcher.mends.mending import here_in
from tests.launcher.seed_list.staging import Patient, printed
from tests.launcher.seed_list.test_engine import MACHINE


@pytest.fixture
def patient(tmp_path, capsys) -> Patient:
    return Patient(here_in(tmp_path, PATH=os.environ["PATH"], PIP_CONFIG_FILE=os.devnull), tmp_path, capsys)


def test_default_cpu_allocator(patient: Patient, python: str, tmp_path, monkeypatch):
    """Real: torch, which asks the system for more memory than there can be, its words, and the mend of the run profile
    that they lead to, which then asks for less at once. Stand-ins: the card in the plan, and the size that is asked
    for afterwards.
    """
    monkeypatch.setattr("launcher.core.proposal.look", lambda _: MACHINE)
    ask = [python, "-c", "import sys, torch; torch.empty(int(sys.argv[1]))"]
    code, log = printed([*ask, str(10**14)], patient.here.environ, tmp_path)
    assert code
    assert b"DefaultCPUAllocator" in log
    found = patient.diagnosed(log)
    assert (found.slug, found.mend) == ("mem-ram", "smaller-memory")
    number = patient.mend(found)
    assert memory_of(patient.here, "local").mode == "medvram"
    assert printed([*ask, "1000"], patient.here.environ, tmp_path)[0] == 0
    patient.undo(number)
    assert memory_of(patient.here, "local").mode == "full"


def test_a_torch_that_was_made_for_the_processor_alone(patient: Patient, python: str, tmp_path):
    """Real: torch without CUDA, as the tests have it, asked for a card."""
    words = "import torch, sys; sys.exit(3) if torch.version.cuda else torch.zeros(1).cuda()"
    code, log = printed([python, "-c", words], patient.here.environ, tmp_path)
    if code == 3:
        pytest.skip("this torch is made for a card")
    assert code
    found = patient.diagnosed(log)
    assert (found.slug, found.mend) == ("gpu-torch-cpu-build", "right-torch")
