"""The runtime's command line: profile, options and COMMANDLINE_ARGS together, secrets apart, contradictions named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Gpu
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.profiles.flag_names import NAMES, in_full
from launcher.core.profiles.flag_words import groups, last_value, masked, masked_variables, only, split_words, without
from launcher.core.profiles.run_profiles import RunProfile
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.serving.command_line import (
    asks_for,
    command_line,
    complete,
    find_conflicts,
    flags_of,
    listens,
    names_for_others,
    with_command_line,
)
from launcher.core.text import t
from runtime import flags as runtime_flags
from runtime.gate.accounts import make_accounts
from tests.launcher.core_act.workshop import plan_with

HERE = Workspace(Path("/我的 画图"))
PYTHON = Path("/env/bin/python")
PLAN = plan_with(TorchChoice("2.13.0", "cpu", "here", t("The processor was asked for."), build="2.13.0"))


def with_memory(*flags: str) -> Plan:
    return replace(PLAN, memory=replace(PLAN.memory, flags=flags))


def completed(options: Options = Options(), profile: RunProfile = RunProfile(), args: str = "") -> Options:  # noqa: B008
    return complete(options, profile, {"COMMANDLINE_ARGS": args}, HERE)


def words(options: Options, plan: Plan = PLAN) -> tuple[str, ...]:
    return command_line(HERE, PYTHON, options, plan).words


def test_a_profile_completes_what_was_asked() -> None:
    profile = RunProfile(flags=("--theme", "dark"), listen=True, port=8000, memory="lowvram", gpu="1")
    asked = completed(Options(port=9000, runtime_flags=("--no-half",)), profile)
    assert (asked.port, asked.listen, asked.share, asked.memory, asked.gpu) == (9000, True, False, "lowvram", "1")
    assert asked.runtime_flags == ("--theme", "dark", "--no-half")
    assert completed(Options(memory="full", gpu="0"), profile).memory == "full"


def test_a_profiles_settings_become_flags() -> None:
    profile = RunProfile(
        attention="xformers",
        model="a b.safetensors",
        theme="dark",
        language="zh",
        auth=("me:secret", "you:other"),
        auth_file="people.txt",
        flags=("--api-log",),
        environment={"HF_ENDPOINT": "https://mirror.example"},
    )
    asked = completed(profile=profile)
    assert asked.runtime_flags == (
        "--xformers",
        "--ckpt",
        str(HERE.models / "Stable-diffusion" / "a b.safetensors"),
        "--theme",
        "dark",
        "--localization",
        "zh_CN",
        "--gradio-auth",
        "me:secret,you:other",
        "--gradio-auth-path",
        str(HERE.root / "people.txt"),
        "--api-log",
    )
    assert asked.variables == (("HF_ENDPOINT", "https://mirror.example"),)
    assert completed(profile=RunProfile(language="en")).runtime_flags == ("--localization-none",)
    runtime_flags.read_flags(asked.runtime_flags, {})
    assert not runtime_flags.read_flags(asked.runtime_flags, {}).warnings


def test_commandline_args_come_last_and_so_win() -> None:
    asked = completed(
        Options(port=7000, runtime_flags=("--theme", "dark")), args='--port 9000 --theme light --listen "--no-half"'
    )
    assert (asked.port, asked.listen) == (9000, True)
    assert asked.runtime_flags == ("--theme", "dark", "--theme", "light", "--no-half")
    settings = runtime_flags.read_flags(words(asked)[3:], {})
    assert (settings.port, settings.host, settings.flags["theme"]) == (9000, "0.0.0.0", "light")
    assert command_line(HERE, PYTHON, asked, PLAN).variables["COMMANDLINE_ARGS"] == ""


@pytest.mark.parametrize(
    "text",
    [
        "", "--medvram --xformers", "--ckpt-dir D:\\sd\\models --api",
        '--ckpt "D:\\我的 模型\\a.ckpt"', '--x "E:\\models\\"',
        "--gradio-auth 'a:b c'", "--ckpt-dir /mnt/a\\ b", '--lora-dir="\\\\nas\\lora"', "--port=7861", "it's",
    ],
)  # fmt: skip
def test_commandline_args_are_split_as_the_runtime_splits_them(text: str) -> None:
    assert split_words(text) == runtime_flags.split_words(text)


def test_a_memory_mode_among_the_flags_counts_as_asked_for() -> None:
    assert completed(args="--medvram").memory == "medvram"
    assert completed(Options(memory="full"), args="--lowvram --medvram").memory == "lowvram"
    assert completed(Options(memory="lowvram"), args="--medvram").memory == "lowvram"
    assert completed(Options(memory="full")).memory == "full"
    twice = words(completed(args="--medvram"), with_memory("--medvram", "--opt-sdp-attention"))
    assert twice.count("--medvram") == 1


def test_an_attention_among_the_flags_takes_the_place_of_the_memory_profiles() -> None:
    plan = with_memory("--xformers", "--medvram")
    asked = completed(Options(runtime_flags=("--opt-sdp-attention",)))
    assert "--xformers" not in words(asked, plan)
    assert "--medvram" in words(asked, plan)
    assert with_command_line(plan, asked).memory.attention == "sdp"


def test_no_password_stands_on_the_command_line_or_is_shown() -> None:
    asked = completed(
        Options(runtime_flags=("--api-auth", "bot:geheim", "--gradio-auth=me:secret", "--theme", "dark")),
        RunProfile(environment={"HF_TOKEN": "hf_abc", "HTTP_PROXY": "http://u:p@127.0.0.1:7890"}),
    )
    line = command_line(HERE, PYTHON, asked, PLAN)
    assert not [word for word in line.words if "geheim" in word or "secret" in word]
    settings = runtime_flags.read_flags(line.words[3:], line.variables)
    assert (settings.flags["api_auth"], settings.flags["gradio_auth"]) == ("bot:geheim", "me:secret")
    shown = " ".join((*line.shown, line.line(windows=True), line.line(windows=False), str(line.shown_variables)))
    for secret in ("geheim", "secret", "hf_abc", "u:p@"):
        assert secret not in shown
    assert "--api-auth '***'" in line.line(windows=False)
    assert line.shown_variables["HTTP_PROXY"] == "http://***@127.0.0.1:7890"


CARD = (("CUDA_VISIBLE_DEVICES", "GPU-123"),)


def test_the_card_of_the_plan_is_the_only_one() -> None:
    plan = replace(PLAN, torch=replace(PLAN.torch, visible=CARD))
    assert command_line(HERE, PYTHON, Options(), plan).variables["CUDA_VISIBLE_DEVICES"] == "GPU-123"
    assert "CUDA_VISIBLE_DEVICES" not in command_line(HERE, PYTHON, Options(), PLAN).variables


def test_the_plans_card_takes_the_place_of_every_variable_that_could_hide_it() -> None:
    given = {"CUDA_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "1", "ZE_AFFINITY_MASK": ""}
    own = complete(Options(), RunProfile(), given, HERE)
    assert dict(own.variables) == {**given, "ZE_AFFINITY_MASK": "-1"}
    card = Gpu(0, "GPU-123", "nvidia")
    line = command_line(HERE, PYTHON, own, replace(PLAN, torch=replace(PLAN.torch, visible=CARD, card=card)))
    wanted = {"CUDA_VISIBLE_DEVICES": "GPU-123", "HIP_VISIBLE_DEVICES": "", "ZE_AFFINITY_MASK": ""}
    assert {name: line.variables[name] for name in wanted} == wanted
    processor = command_line(HERE, PYTHON, own, PLAN).variables
    assert {name: processor[name] for name in given} == {**given, "ZE_AFFINITY_MASK": "-1"}


def test_a1111s_device_id_chooses_the_card_and_is_no_flag_any_more() -> None:
    asked = completed(Options(runtime_flags=("--device-id", "1", "--api")))
    assert (asked.gpu, asked.runtime_flags) == ("1", ("--api",))
    assert completed(Options(gpu="0", runtime_flags=("--device-id=1",))).gpu == "0"


def test_the_processor_among_the_flags_is_planned_for() -> None:
    for words in ("all", "ALL", "sd", "interrogate Sd"):
        assert completed(args=f"--use-cpu {words}").memory == "cpu"
    assert completed(args="--use-cpu=sd").memory == "cpu"
    assert completed(args="--use-cpu interrogate").memory is None
    assert completed(args="--use-cpu all --use-cpu small").memory is None, "the last one counts"
    assert flags_of(Options(runtime_flags=("--use-cpu", "all")), with_memory("--use-cpu", "all")) == (
        "--use-cpu",
        "all",
    )
    assert completed(Options(memory=""), RunProfile(memory="full")).memory == ""


@pytest.mark.parametrize(
    ("flags", "slug", "said"),
    [
        ("--lowvram --medvram", "flags-contradict", "--lowvram and --medvram"),
        ("--xformers --opt-sdp-attention", "flags-contradict", "--xformers and --opt-sdp-attention"),
        ("--precision half --no-half", "flags-refused", "exclude each other"),
        ("--server-name 127.0.0.1 --listen", "flags-contradict", "--server-name and --listen"),
        ("--tls-certfile a.pem", "flags-contradict", "HTTPS needs both"),
        ("--api --no-api", "flags-contradict", "--no-api and --api"),
        ("--share", "password-made", "shown once"),
        ("--share --gradio-auth me:short", "share-password-short", "at least 12"),
        ("--share --gradio-auth me:long-enough-for-it,you:short", "share-password-short", "of you"),
        ("--listen", "password-made", "shown once"),
        ("--server-name 0.0.0.0", "password-made", "shown once"),
        ("--allow-host art.example", "password-made", "shown once"),
        ("--local-auth", "password-made", "No password was given"),
        ("--listen --i-accept-unprotected", "unprotected-remote", "whoever finds it comes in"),
    ],
)
def test_what_contradicts_itself_is_named(flags: str, slug: str, said: str) -> None:
    asked = completed(args=flags)
    assert [(each.slug, said in str(each.message)) for each in find_conflicts(asked, PLAN)] == [(slug, True)]


@pytest.mark.parametrize("flags", ["", "--medvram --xformers", "--listen --gradio-auth a:b", "--server-name 127.0.0.1",
                                   "--share --gradio-auth me:short,but-with-a-comma",
                                   "--no-half --precision full", "--tls-certfile a --tls-keyfile b"])  # fmt: skip
def test_what_goes_together_is_not(flags: str) -> None:
    assert not list(find_conflicts(completed(args=flags), PLAN))


def test_who_answers_on_the_local_network() -> None:
    assert listens(completed(args="--listen"))
    assert listens(completed(args="--server-name 0.0.0.0"))
    assert not listens(completed(args="--listen --server-name 127.0.0.1"))
    assert not listens(completed(args="--share"))
    proxied = completed(args="--allow-host art.example --allow-host=127.0.0.1")
    assert not listens(proxied)
    assert names_for_others(proxied) == ("art.example",)


@pytest.mark.parametrize("flag", ["", "--i-accept-unprotected-remote"])
@pytest.mark.parametrize("page", ["", "--nowebui"])
@pytest.mark.parametrize("api", ["", "--api-auth you:0123456789ab"])
@pytest.mark.parametrize("given", ["", "--gradio-auth me:0123456789ab", "--gradio-auth="])
@pytest.mark.parametrize(
    "way", ["", "--listen", "--share", "--allow-host art.example", "--local-auth", "--local-auth --listen"]
)
def test_it_asks_for_what_the_runtime_asks_for(way: str, given: str, api: str, page: str, flag: str) -> None:
    settings = runtime_flags.read_flags(f"{way} {given} {api} {page} {flag}".split(), {})
    found = make_accounts(settings)
    guards = found.page if settings.page else found.api
    there = "made" if found.made else "own" if guards else "nobody"
    asked = settings.exposed or settings.on("local_auth")
    assert asks_for(completed(args=f"{way} {given} {api} {page} {flag}")) == (there if asked else None)


def test_flags_are_taken_apart_with_their_values() -> None:
    flags = ("stray", "--use-cpu", "interrogate", "gfpgan", "-f", "--port=3", "--theme", "dark")
    assert list(groups(flags)) == [("stray",), ("--use-cpu", "interrogate", "gfpgan"), ("-f",), ("--port=3",),
                                   ("--theme", "dark")]  # fmt: skip
    assert last_value((*flags, "--port", "4"), "--port") == "4"
    assert last_value(("--port",), "--port") == ""
    assert last_value(flags, "--por") is None
    assert without(flags, "--use-cpu", "--port") == ("stray", "-f", "--theme", "dark")
    assert only(flags, "--use-cpu", "--port") == ("--use-cpu", "interrogate", "gfpgan", "--port=3")
    assert masked(("--ngrok", "key", "--ckpt", "https://a:b@host/x")) == (
        "--ngrok",
        "***",
        "--ckpt",
        "https://***@host/x",
    )
    assert masked_variables({"COMMANDLINE_ARGS": "--api-auth a:b --api"}) == {
        "COMMANDLINE_ARGS": "--api-auth '***' --api"
    }


def test_xformers_that_is_not_there_is_said_and_not_shown_as_chosen() -> None:
    asked = Options(runtime_flags=("--xformers",))
    plan = with_command_line(PLAN, asked)
    assert plan.memory.attention == "sdp"
    said = str(next(each.message for each in plan.findings if each.slug == "xformers-missing"))
    assert "none for PyTorch 2.13.0" in said
    there = with_command_line(replace(PLAN, xformers=True), asked)
    assert (there.memory.attention, [each.slug for each in there.findings]) == ("xformers", [])
    profile = replace(PLAN, memory=replace(PLAN.memory, attention="xformers", flags=("--medvram", "--xformers")))
    assert with_command_line(profile, Options()).memory.flags == ("--medvram",)


@pytest.mark.parametrize("name", ["GRADIO_AUTH", "SD_WEBUI_PASS", "SD_WEBUI_AUTH", "HUGGINGFACE_KEY", "ACCESS_KEY",
                                  "DB_PWD", "OPENAI_APIKEY", "HF_TOKEN"])  # fmt: skip
def test_variables_that_hold_secrets_are_hidden(name: str) -> None:
    assert masked_variables({name: "geheim"}) == {name: "***"}


def test_the_options_of_ngrok_are_hidden() -> None:
    assert masked(("--ngrok-options", '{"basic_auth":"me:geheim"}')) == ("--ngrok-options", "***")


def test_an_abbreviated_flag_counts_as_the_one_that_it_means() -> None:
    assert {f"--{name}" for name in NAMES} == {name for name in runtime_flags.BY_NAME if name.startswith("--")}
    asked = completed(Options(runtime_flags=("--api-au", "me:geheim", "--lowvr", "--shar", "--liste=1", "--zzz", "-f")))
    assert (asked.memory, asked.share, asked.listen) == ("lowvram", True, True)
    assert asked.runtime_flags == ("--api-auth", "me:geheim", "--lowvram", "--zzz", "-f")
    assert masked(("--api-au", "me:geheim")) == ("--api-auth", "***")
    assert in_full(("--opt", "--api", "--medvram-s=1")) == ("--opt", "--api", "--medvram-sdxl=1")


@pytest.mark.parametrize("word", ["0", "70000", "99999", "x", "-1", "$PORT", ""])
def test_what_is_no_port_is_refused_wherever_it_stands(word: str) -> None:
    for given in (Options(runtime_flags=("--port", word)), Options(runtime_flags=(f"--port={word}",))):
        with pytest.raises(LauncherError, match="port-unknown"):
            completed(given)
    with pytest.raises(LauncherError, match="port-unknown"):
        completed(profile=RunProfile(flags=("--port", word)))


def test_a_profiles_own_arguments_count_before_those_of_the_environment() -> None:
    profile = RunProfile(environment={"COMMANDLINE_ARGS": "--listen --theme dark"})
    asked = completed(profile=profile, args="--theme light")
    assert (asked.listen, asked.runtime_flags, asked.variables) == (True, ("--theme", "dark", "--theme", "light"), ())


def test_variables_that_gesso_sets_itself_are_neither_shown_nor_silently_lost() -> None:
    kept = {"HF_HOME": "/mine", "HTTP_PROXY": "1.2.3.4:5"}
    environment = {"PYTHONPATH": "/x", "TMPDIR": "/big", "DO_NOT_TRACK": "0", **kept}
    asked = completed(profile=RunProfile(environment=environment))
    line = command_line(HERE, PYTHON, asked, PLAN)
    assert line.shown_variables == kept
    (said,) = (str(each.message) for each in find_conflicts(asked, PLAN) if each.slug == "variables-not-followed")
    assert "PYTHONPATH, TMPDIR, DO_NOT_TRACK" in said
    assert "HF_HOME" not in said


@pytest.mark.parametrize(
    ("name", "reached"),
    [("192.168.1.5", True), ("::", True), ("[::1]", False), ("127.0.0.2", False), ("localhost", False), ("pc", True)],
)
def test_any_address_but_this_computers_own_opens_it(name: str, reached: bool) -> None:
    assert listens(completed(args=f"--server-name {name}")) is reached
    named = complete(Options(), RunProfile(), {"GRADIO_SERVER_NAME": name}, HERE)
    assert listens(named) is reached
    assert ("password-made" in {each.slug for each in find_conflicts(named, PLAN)}) is reached
    assert not listens(replace(named, runtime_flags=("--nowebui",)))


def test_the_attention_of_a_flag_takes_the_place_of_the_plans_in_its_flags_too() -> None:
    plan = with_memory("--medvram", "--opt-split-attention")
    made = with_command_line(plan, completed(Options(runtime_flags=("--opt-sdp-attention",))))
    assert made.memory.flags == ("--medvram",)


def test_a_home_folder_in_a_profile_is_one() -> None:
    flags = completed(profile=RunProfile(model="~/x.safetensors", auth_file="~/people")).runtime_flags
    assert flags == ("--ckpt", str(Path.home() / "x.safetensors"), "--gradio-auth-path", str(Path.home() / "people"))
