"""Environment variables that do harm, and those that only look so."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.core.doctor.hidden import variables
from launcher.core.hardware.machine import Gpu, Machine

NVIDIA = Machine("linux", gpus=(Gpu(0, vendor="nvidia", name="GeForce RTX 3060"),))
PLAIN = Machine("linux")


def test_nothing_is_set(described) -> None:
    assert str(variables(described(PLAIN)).detail) == "None is set that would do harm."


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_certificates_that_are_gone(described, name: str, tmp_path: Path) -> None:
    gone = variables(described(PLAIN, **{name: "/opt/old/cacert.pem"}))
    assert gone.ok is False
    assert "/opt/old/cacert.pem" in str(gone.detail)
    there = tmp_path / "cacert.pem"
    there.touch()
    assert variables(described(PLAIN, **{name: str(there)})).ok is True


@pytest.mark.parametrize("value", ["-1", "", "none"])
def test_a_card_that_is_hidden(described, value: str) -> None:
    found = variables(described(NVIDIA, CUDA_VISIBLE_DEVICES=value))
    assert found.ok is False
    assert "CUDA_VISIBLE_DEVICES" in str(found.detail)
    # Without such a card it hides nothing.
    assert variables(described(PLAIN, CUDA_VISIBLE_DEVICES=value)).ok is True
    assert variables(described(NVIDIA, CUDA_VISIBLE_DEVICES="0")).ok is True


def test_another_cuda_before_torchs_own(described, tmp_path: Path) -> None:
    (tmp_path / "cuda/lib64").mkdir(parents=True)
    place = str(tmp_path / "cuda/lib64")
    assert variables(described(PLAIN, LD_LIBRARY_PATH=f"/usr/lib:{place}")).ok is True
    (tmp_path / "cuda/lib64/libcudart.so.11.0").touch()
    found = variables(described(PLAIN, LD_LIBRARY_PATH=f"/usr/lib:{place}"))
    assert found.ok is False
    assert place in str(found.detail)


def test_what_gesso_keeps_away_or_follows_is_said_and_does_no_harm(described) -> None:
    found = variables(
        described(
            PLAIN,
            PYTHONPATH="/opt/lib",
            PYTHONHOME="/opt/py",
            PIP_INDEX_URL="https://li:secret@mirror.example/simple",
            HF_HUB_OFFLINE="1",
            COMMANDLINE_ARGS="--medvram",
        )
    )
    assert found.ok is True
    for word in ("PYTHONPATH", "PYTHONHOME", "mirror.example", "HF_HUB_OFFLINE", "COMMANDLINE_ARGS"):
        assert word in str(found.detail)
    assert "secret" not in str(found.detail)


def test_a_port_of_gradio_that_is_none(described) -> None:
    assert variables(described(PLAIN, GRADIO_SERVER_PORT="seven")).ok is False


def test_a_proxy_that_would_catch_this_computer_is_said(described) -> None:
    proxy = {"https_proxy": "http://10.0.0.1:3128"}
    assert "NO_PROXY" in str(variables(described(PLAIN, **proxy)).detail)
    assert "NO_PROXY" not in str(variables(described(PLAIN, **proxy, no_proxy="localhost,127.0.0.1")).detail)
    assert "NO_PROXY" not in str(variables(described(PLAIN)).detail)
