"""The flags: AUTOMATIC1111's names and forms, their values, and what is warned of."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.flag_table import BY_NAME, FLAGS
from runtime.flags import Settings, UsageError, is_loopback, read_flags, split_words


def read(*words: str, **environ: str) -> Settings:
    return read_flags(words, environ)


def test_nothing_given() -> None:
    settings = read()
    assert (settings.host, settings.port, settings.first_port) == ("127.0.0.1", None, 7860)
    assert settings.api
    assert settings.page
    assert not settings.exposed
    assert settings.warnings == ()
    assert settings.models_dir == settings.data_dir / "models"


def test_an_unknown_flag_is_named_and_the_rest_goes_on() -> None:
    settings = read("--what-is-this", "value", "--port", "8000", "--neither")
    assert settings.port == 8000
    assert any("--what-is-this value" in warning for warning in settings.warnings)
    assert any("--neither" in warning for warning in settings.warnings)


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.effect == "accepted"], ids=lambda flag: flag.name)
def test_a_flag_without_effect_eats_its_value_and_is_said(flag: object) -> None:
    flag = next(one for one in FLAGS if one is flag)
    words = [flag.name] if flag.shape.startswith("switch") else [flag.name, "3"]
    settings = read(*words, "--port", "8000")
    assert settings.port == 8000
    assert len(settings.warnings) == 1
    assert flag.name in settings.warnings[0]


def test_both_ways_to_give_a_value_and_abbreviations() -> None:
    assert read("--port=8000").port == read("--port", "8000").port == read("--por", "8000").port == 8000
    assert read("--no-half-v").on("no_half_vae")
    assert "Unknown flag ignored: --medv" in read("--medv").warnings, "two flags begin like this"


def test_use_cpu_takes_every_word() -> None:
    settings = read("--use-cpu", "all", "interrogate", "--no-half")
    assert settings.flags["use_cpu"] == ["all", "interrogate"]
    assert settings.worker_flags[-4:] == ("--use-cpu", "all", "interrogate", "--no-half")


def test_the_environment_is_appended_and_wins() -> None:
    settings = read("--port", "1", "--medvram", COMMANDLINE_ARGS="--port 2 --listen")
    assert settings.port == 2
    assert settings.on("medvram")
    assert settings.host == "0.0.0.0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"--ckpt-dir D:\sd\models --api", ("--ckpt-dir", r"D:\sd\models", "--api")),
        (r'--ckpt-dir "E:\my models\" --api', ("--ckpt-dir", "E:\\my models\\", "--api")),
        (r"--ckpt-dir \\server\share", ("--ckpt-dir", r"\\server\share")),
        (r"--gradio-auth me:a\ b", ("--gradio-auth", "me:a b")),
        ("--theme 'dark", ("--theme", "dark")),
        ("--x '#1'", ("--x", "#1")),
    ],
)
def test_words_of_the_environment(text: str, words: tuple[str, ...]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize("words", [("--port", "many"), ("--port", "0"), ("--port", "65536"), ("--port",)])
def test_an_impossible_value_of_a_working_flag_is_a_usage_error(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--port"):
        read(*words)


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("::1", True), ("[::1]", True), ("localhost", True), ("127.9.9.9", True), ("0.0.0.0", False),
     ("::", False), ("192.168.1.2", False), ("my-pc", False), ("", False)],
)  # fmt: skip
def test_which_addresses_are_this_computer_alone(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone


def test_where_things_lie(tmp_path: Path) -> None:
    assert read("--data-dir", str(tmp_path)).models_dir == tmp_path / "models"
    assert read("--data-dir", str(tmp_path), "--models-dir", str(tmp_path / "m")).models_dir == tmp_path / "m"
    assert read(GESSO_ROOT=str(tmp_path)).data_dir == tmp_path


def test_sharing_and_server_name_are_exposed() -> None:
    assert read("--share").exposed
    assert read("--listen").exposed
    assert not read("--listen", "--server-name", "127.0.0.1").exposed, "--server-name wins"
    assert read("--allow-host", "localhost", "--allow-host", "art.example").exposed, "a proxy brings others"
    assert not read("--allow-host", "localhost", "--allow-host", "127.0.0.1").exposed


def test_the_api_only_server() -> None:
    settings = read("--nowebui", "--no-api")
    assert (settings.api, settings.page, settings.first_port, settings.host) == (True, False, 7861, "127.0.0.1")


def test_what_contradicts_itself_is_a_usage_error() -> None:
    for words in (("--precision", "half", "--no-half"), ("--precision", "half", "--no-half-vae"), ("--precision", "x")):
        with pytest.raises(UsageError):
            read(*words)
    assert read("--precision", "full", "--no-half").on("no_half")


def test_variables_count_where_the_flag_is_absent() -> None:
    environ = {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "8001", "GRADIO_ROOT_PATH": "/sd"}
    settings = read_flags((), environ)
    assert (settings.host, settings.port, settings.text("subpath")) == ("0.0.0.0", 8001, "/sd")
    assert settings.exposed
    settings = read_flags(("--server-name", "127.0.0.1", "--port", "8002", "--subpath", "/own"), environ)
    assert (settings.host, settings.port, settings.text("subpath")) == ("127.0.0.1", 8002, "/own")
    assert read_flags(("--nowebui",), environ).host == "127.0.0.1", "Gradio's variables are for the page"


def test_one_file_alone_is_no_https() -> None:
    assert any("--tls-certfile" in warning for warning in read("--tls-keyfile", "k.pem").warnings)


def test_the_table_names_each_flag_once() -> None:
    assert len(BY_NAME) == len(FLAGS)
    assert all(flag.help for flag in FLAGS)


def test_a_home_folder_of_nobody_is_a_folder_of_that_name() -> None:
    assert read("--data-dir", "~0-nobody").data_dir == Path("~0-nobody").absolute()


@given(st.lists(st.one_of(st.sampled_from(sorted(BY_NAME)), st.text(max_size=8)), max_size=8), st.text(max_size=40))
def test_no_line_of_a_tutorial_is_a_crash(words: list[str], line: str) -> None:
    with suppress(UsageError):
        assert read_flags(words, {"COMMANDLINE_ARGS": line}).first_port in (7860, 7861)
