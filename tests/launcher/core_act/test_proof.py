"""The proof's answer in the launcher's words: a stand-in prints what runtime.prove prints."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Line, Notice
from launcher.core.install.proof import Proof, TorchUnprovenError, prove
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.text import t

TORCH = TorchChoice("2.13.0", "cu130", "here", t("The card was asked for."), build="2.13.0+cu130")
GOOD = {"ok": True, "torch": "2.13.0+cu130", "device": "cuda:0", "seconds": 12.3, "checks": [], "error": None}


def proven(torch: TorchChoice = TORCH, ends: int = 0, /, **answer: object) -> tuple[list[Event], Proof]:
    """Events and value; the stand-in shows the words that it was given."""
    # as a literal of Python: JSON's true and null are none of its words
    said = f"print(json.dumps({GOOD | answer!r}))"
    script = f"import json, sys; sys.stderr.write(repr(sys.argv[1:])); {said}; sys.exit({ends})"
    events: list[Event] = []

    def follow() -> Iterator[Event]:
        proofs.append((yield from prove([sys.executable, "-c", script], torch, {}, None)))

    proofs: list[Proof] = []
    events.extend(follow())
    return events, proofs[0]


def failed(answer: dict[str, object]) -> LauncherError:
    with pytest.raises(LauncherError) as failure:
        proven(TORCH, 1, **{"ok": False, **answer})
    return failure.value


def test_a_proof_tells_device_and_seconds() -> None:
    events, proof = proven()
    assert proof == Proof("2.13.0+cu130", "cuda:0", 12.3)
    assert [event.text for event in events if isinstance(event, Line)] == ["['--tag', 'cu130']"]
    notices = {event.slug: str(event.text) for event in events if isinstance(event, Notice)}
    assert notices == {"proven": "Proven on cuda:0 in 12 s."}


def test_without_a_tag_none_is_given() -> None:
    events, _ = proven(replace(TORCH, tag=None))
    assert [event.text for event in events if isinstance(event, Line)] == ["[]"]


def test_what_goes_round_a_weak_card_is_said_once_per_flag() -> None:
    check = {"name": "convolution-float16", "ok": False, "advice": "--no-half-vae", "error": "no numbers on GTX"}
    events, proof = proven(checks=[check, check, {"name": "matmul", "ok": True, "advice": None}])
    assert proof.advice == (("--no-half-vae", "no numbers on GTX"),)
    texts = [str(event.text) for event in events if isinstance(event, Notice) and event.slug == "proof-advice"]
    assert texts == ["Half precision fails here, --no-half-vae goes round it: no numbers on GTX"]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("proof-kernels", "has no code for the graphics card: E"),
        ("proof-no-device", "sees no graphics card"),
        ("proof-matmul", "computes wrong on this computer: E"),
        ("proof-convolution-nan", "computes wrong on this computer: E"),
        ("proof-import", "cannot be loaded: E"),
        ("of-a-later-version", "does not work: E"),
    ],
)
def test_a_failure_is_said_in_our_words_with_its_own(code: str, says: str) -> None:
    error = failed({"code": code, "error": "E"})
    assert error.code == "environment-broken"
    assert says in str(error.message)
    # in another language the details stay as they are
    assert error.message.render(lambda english: "{why}" if "{why}" in english else "{detail}") == "E"


@pytest.mark.parametrize(
    ("code", "blamed"),
    [
        ("proof-kernels", True),
        ("proof-no-device", True),
        ("proof-attention", True),
        ("proof-torch", True),
        ("nan-vae", True),
        ("proof-import", False),
        ("proof-memory", False),
        ("proof-failed", False),
        ("", False),
    ],
)
def test_only_what_torch_is_to_blame_for_asks_for_another_one(code: str, blamed: bool) -> None:
    assert isinstance(failed({"code": code, "error": "No module named 'gradio'"}), TorchUnprovenError) is blamed


def test_a_driver_that_no_longer_answers_asks_for_a_restart_and_for_no_other_torch() -> None:
    with pytest.raises(LauncherError) as failure:
        proven(replace(TORCH, driver="580.95"), 1, ok=False, code="proof-no-device", error="E")
    assert not isinstance(failure.value, TorchUnprovenError)
    assert "sees no graphics card" in str(failure.value.message)
    assert "Restart the computer" in str(failure.value.hint)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
@pytest.mark.parametrize(("number", "blamed"), [("SIGILL", True), ("SIGSEGV", True), ("SIGKILL", False)])
def test_a_crash_is_named_and_another_torch_may_do_better(number: str, blamed: bool) -> None:
    script = f"import os, signal; os.kill(os.getpid(), signal.{number})"
    with pytest.raises(LauncherError) as failure:
        list(prove([sys.executable, "-c", script], TORCH, {}, None))
    assert failure.value.code == "environment-broken"
    assert isinstance(failure.value, TorchUnprovenError) is blamed
    assert (number in str(failure.value.message)) is blamed


def test_a_full_card_is_no_reason_for_another_torch() -> None:
    error = failed({"code": "proof-memory", "error": "CUDA out of memory."})
    assert error.code == "card-busy"
    assert "CUDA out of memory." in str(error.message)


def test_another_torch_than_the_wanted_one_is_refused() -> None:
    with pytest.raises(LauncherError, match=r"environment-broken.*torch 2\.13\.0\+cpu instead of 2\.13\.0\+cu130"):
        proven(TORCH, 0, torch="2.13.0+cpu")


@pytest.mark.parametrize("words", ["", "no json", "[1]", '"x"', '{"ok": true, "checks": 3, "seconds": "x"}'])
def test_an_answer_of_another_kind(words: str) -> None:
    following = prove([sys.executable, "-c", f"print({words!r})"], TORCH, {}, None)
    if "ok" in words:
        assert list(following) == []
    else:
        with pytest.raises(LauncherError, match="environment-broken"):
            list(following)
