"""What is understood, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.arguments import read_arguments, short_help
from launcher.core.plan.options import Options
from launcher.language import translator
from launcher.verb import UsageError
from launcher.verbs import VERBS, find_verb


def test_every_option_of_up_arrives() -> None:
    words = (
        "up --yes --profile lan --memory medvram --gpu 1 --port 7861 --listen --share --detach -- --ckpt x --theme dark"
    )
    found = read_arguments(words.split(), str)
    flags = ("--ckpt", "x", "--theme", "dark")
    assert found.options == Options(
        "lan", "medvram", gpu="1", port=7861, listen=True, share=True, detach=True, runtime_flags=flags
    )
    assert (found.verb, found.yes) == ("up", True)


@pytest.mark.parametrize(
    "words",
    [
        "--root R --json --lang zh --quiet status",
        "status --root R --json --lang zh --quiet",
        "--root R --json status --lang zh --quiet",
    ],
)
def test_globals_stand_before_or_after_the_verb(words: str) -> None:
    found = read_arguments(words.split(), str)
    assert (found.verb, found.root, found.json, found.lang, found.quiet) == ("status", "R", True, "zh", True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("up --prof lan", "--prof"),
        ("up --xformers", "gesso up -- --xformers"),
        ("up --port 0", "65535"),
        ("up --port x", "65535"),
        ("up --port", "--port"),
        ("status -- --listen", "after --"),
        ("frobnicate", "There is no verb frobnicate"),
        ("hardware --port 1", "--port"),
        ("status extra", "extra"),
        ("status --lang fr", "--lang needs zh or en, not fr"),
        ("--lang english-like status", "--lang needs"),
    ],
)
def test_what_cannot_be_understood_is_said(words: str, said: str) -> None:
    with pytest.raises(UsageError) as failure:
        read_arguments(words.split(), str)
    assert said in f"{failure.value.message} {failure.value.hint}"


def test_no_verb_is_none() -> None:
    assert read_arguments([], str).verb is None
    assert read_arguments(["--lang", "zh"], str).verb is None


def test_the_installer_hands_over_to_up() -> None:
    found = read_arguments(["--from-install", "--yes", "--port", "7861", "--", "--api"], str)
    assert (found.verb, found.from_install, found.yes, found.options.port) == ("up", True, True, 7861)
    assert found.options.runtime_flags == ("--api",)


def test_the_file_to_simulate_is_a_path() -> None:
    assert read_arguments(["plan", "--simulate", "a.toml"], str).simulate == Path("a.toml")


def test_the_help_names_every_verb_in_the_readers_language() -> None:
    assert all(f"gesso {verb}" in short_help(str) for verb in VERBS)
    assert short_help(str.upper) != short_help(str)


def test_every_verb_has_its_module_and_either_does_something_or_names_its_actions() -> None:
    for name in VERBS:
        verb = find_verb(name)
        assert verb.run or verb.actions, name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["up", "--port"], "--port 需要一个值。"),
        (["up", "--detach=1"], "--detach 不带值。"),
        (["models", "add"], "缺少："),
    ],
)
def test_what_argparse_would_say_in_english_is_said_in_the_users_language(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as failure:
        read_arguments(words, str)
    assert said in failure.value.message.render(translator("zh"))
