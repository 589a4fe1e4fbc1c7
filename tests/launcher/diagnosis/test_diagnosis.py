"""Matching and ranking with rules made for the purpose: context, good ends, roots, harmless and unknown errors."""

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.diagnosis.circumstances import Circumstances
from launcher.core.diagnosis.diagnose import diagnose_batches, diagnose_text
from launcher.core.diagnosis.exit_codes import meaning
from launcher.core.diagnosis.matching import Matcher, compiled
from launcher.core.diagnosis.rules import Kind, Sign, When, Words, read_rules
from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.text import t

WORDS = Words("It broke.", "坏了。")


def kind(slug: str, *signs: Sign, **more: object) -> Kind:
    return Kind(slug, WORDS, more.pop("severity", "error"), WORDS, signs, (WORDS,), **more)  # type: ignore[arg-type]


def sign(*has: str, **more: object) -> Sign:
    return Sign(has[0], has, ("yes",), ("no",), **more)  # type: ignore[arg-type]


def found(log: str, *kinds: Kind, circumstances: Circumstances | None = None) -> list[str]:
    return [advice.slug for advice in diagnose_text(log, circumstances or Circumstances(), kinds)]


def test_a_literal_counts_in_any_case_and_the_expression_gives_values():
    rule = kind(
        "dead", sign("host is down", match=r"(?P<host>\S+) is down", detail=Words("It was {host}.", "是 {host}。"))
    )
    (advice,) = diagnose_text("line\nThe HOST is DOWN\n", kinds=(rule,))
    assert (advice.slug, advice.line, advice.quote) == ("dead", 2, "The HOST is DOWN")
    assert str(advice.detail) == "It was HOST."
    assert advice.detail
    assert advice.detail.render(lambda text: "zh" if text == "en" else text) == "是 HOST。"


def test_what_the_line_did_not_tell_is_not_said():
    rule = kind("dead", sign("down", match=r"(?P<host>x)?down", detail=Words("It was {host}.", "是 {host}。")))
    (advice,) = diagnose_text("down\n", kinds=(rule,))
    assert advice.detail is None


@pytest.mark.parametrize(("gap", "expected"), [(3, ["pip"]), (5, [])])
@pytest.mark.parametrize("before", [True, False])
def test_what_must_stand_around_it_counts_on_both_sides_so_far_and_no_farther(
    gap: int, expected: list[str], before: bool
):
    rule = kind("pip", sign("timed out", with_=("pip install",), around=4))
    lines = ["pip install torch", *["."] * gap, "read timed out"]
    log = "\n".join(lines if before else reversed(lines)) + "\n"
    assert found(log, rule) == expected


def test_surroundings_reach_over_the_end_of_a_batch():
    rule = kind("pip", sign("timed out", with_=("pip install",)))
    batches = [["a"] * 9 + ["read timed out"], ["pip install torch"], ["b"] * 50]
    assert [advice.slug for advice in diagnose_batches(batches, kinds=(rule,))] == ["pip"]
    batches = [["pip install torch"], ["b"] * 30, ["read timed out"]]
    assert [advice.slug for advice in diagnose_batches(batches, kinds=(rule,))] == ["pip"]


def test_what_must_not_stand_around_it_voids_it_before_and_behind():
    rule = kind("pip", sign("timed out", without=("proxy",)))
    assert found("timed out\n", rule) == ["pip"]
    assert found("by proxy\ntimed out\n", rule) == []
    assert found("timed out\nby proxy\n", rule) == []


def test_a_good_end_voids_what_came_before_it_alone():
    rule = kind("pip", sign("timed out", until=("Successfully installed",)))
    assert found("timed out\nSuccessfully installed torch\n", rule) == []
    assert found("timed out\nSuccessfully installed torch\ntimed out\n", rule) == ["pip"]


def test_a_good_end_of_a_kind_counts_for_all_its_signs():
    rule = kind("pip", sign("timed out"), sign("connection reset"), until=("Successfully installed",))
    assert found("timed out\nconnection reset\nSuccessfully installed torch\n", rule) == []
    assert found("timed out\nSuccessfully installed torch\nconnection reset\n", rule) == ["pip"]


def test_a_failure_that_repeats_a_hundred_thousand_times_is_one_finding_at_its_first_line():
    rule = kind("pip", sign("timed out"))
    (advice,) = diagnose_text("start\n" + "timed out\n" * 100_000, kinds=(rule,))
    assert advice.line == 2


def test_the_root_stands_before_what_it_explains_and_the_surer_sign_before_the_wider():
    proxy = kind("proxy", sign("cannot connect to proxy"), explains=("timeout",))
    timeout = kind("timeout", sign("timed out", weight=90))
    wide = kind("wide", sign("failed", weight=20))
    log = "install failed: read timed out\ncannot connect to proxy\n"
    assert found(log, wide, timeout, proxy) == ["proxy", "wide", "timeout"]
    assert found(log, wide, timeout) == ["timeout", "wide"]


def test_a_mere_consequence_explains_nothing():
    proxy = kind("proxy", sign("cannot connect to proxy", weight=10), explains=("timeout",))
    timeout = kind("timeout", sign("timed out"))
    assert found("cannot connect to proxy\nread timed out\n", proxy, timeout) == ["timeout", "proxy"]


def test_warnings_come_after_errors():
    warning = kind("old", sign("deprecated", weight=100), severity="warning")
    assert found("deprecated\ntimed out\n", warning, kind("late", sign("timed out"))) == ["late", "old"]


TRACEBACK = """A matching Triton is not available
Traceback (most recent call last):
  File "x.py", line 1, in <module>
    import triton
ModuleNotFoundError: No module named 'triton'
"""


def test_a_harmless_message_takes_its_traceback_with_it():
    harmless = kind("no-problem-triton", sign("matching triton"), severity="harmless")
    module = kind("module", sign("No module named"))
    assert found(TRACEBACK, harmless, module) == []
    assert found(TRACEBACK.replace("A matching Triton is not available", "."), harmless, module) == ["module"]
    assert found(TRACEBACK + "\n" * 9 + TRACEBACK.replace("A matching Triton", "."), harmless, module) == ["module"]


def test_a_harmless_message_takes_all_of_a_chain_of_tracebacks():
    harmless = kind("no-problem-triton", sign("matching triton"), severity="harmless")
    module = kind("module", sign("is broken"))
    chain = "\nDuring handling of the above exception, another exception occurred:\n\n" + TRACEBACK[34:]
    log = TRACEBACK + chain.replace("No module named 'triton'", "it is broken")
    assert found(log, harmless, module) == []
    assert found(log.replace("During handling of the above", "Some other"), harmless, module) == ["module"]


def test_a_harmless_message_takes_its_traceback_with_it_also_where_a_good_end_follows():
    harmless = kind("no-problem-triton", sign("matching triton"), severity="harmless")
    module = kind("module", sign("No module named"))
    assert found(TRACEBACK + "Running on local URL:  http://127.0.0.1:7860\n", harmless, module) == []


def test_an_error_that_nobody_knows_is_quoted_with_its_place():
    log = 'start\nTraceback (most recent call last):\n  File "x.py", line 1\n    y()\nsqlite3.Broken: no such thing\n'
    (advice,) = diagnose_text(log, kinds=(kind("other", sign("something else")),))
    assert (advice.slug, advice.line, advice.quote) == ("unknown", 5, "sqlite3.Broken: no such thing")
    assert advice.mend is None


@pytest.mark.parametrize(
    "log",
    [
        "x.py:1: FutureWarning: this will be an Error some day\n  deprecate(1)\n",
        "INFO 0 errors, 3 warnings\n",
        "Traceback (most recent call last):\nValueError: x\nRunning on local URL:  http://127.0.0.1:7860\n",
        "ERROR: pip could not\nSuccessfully installed pillow-11\n",
        "exit code: 0\n",
        "building it quickly: OSError\nModel loaded in 21.0s (create model: 15.1s).\n",
        "loading error_handler.py\nimported exceptions\n",
        "Error: no fast attention here. Falling back to the plain one\n",
        "ERROR preview server is not there, continuing without\n",
    ],
)
def test_no_error_is_invented(log: str):
    assert found(log, kind("other", sign("something else"))) == []


@pytest.mark.parametrize(
    "log",
    [
        "12:01:44-120031 ERROR    Startup: config read failed\n",
        "fatal: something odd\n",
        "launch.py: error: unrecognized arguments: --medvramm\n",
        "RuntimeError: Event loop is closed\n",
        "process exited with code -1073741819\n",
        'Traceback (most recent call last):\n  File "x.py", line 1\n',
        "\x1b[31mERROR\x1b[0m: odd\n",
        "got prompt\nFailed to validate prompt for output 3:\n  - Required input is missing: model\n",
        "!!! Exception during processing !!! 'sampler_name' is not in list\n",
    ],
)
def test_errors_in_many_forms_are_unknown_ones(log: str):
    assert found(log, kind("other", sign("something else"))) == ["unknown"]


def test_what_pip_installs_afterwards_does_not_excuse_a_traceback():
    log = "Traceback (most recent call last):\nValueError: x\nSuccessfully installed pillow-11\n"
    assert found(log, kind("other", sign("something else"))) == ["unknown"]


def test_a_harmless_message_covers_its_traceback_however_often_it_comes():
    harmless = kind("no-problem-triton", sign("matching triton"), severity="harmless")
    assert found((TRACEBACK + ".\n" * 50) * 60, harmless) == []


@pytest.mark.parametrize(
    "line", ["got prompt: a robot, {}", "Negative prompt: {}", "[12:00] 提示词：{}", "prompt = {}"]
)
def test_what_somebody_wants_drawn_is_no_failure(line: str):
    rule = kind("late", sign("timed out"))
    assert found(line.format("read timed out") + "\n", rule) == []
    assert found("it went wrong: read timed out\n", rule) == ["late"]


MACHINE = Machine(
    os="linux", driver="560.35", disk_free_mib=900, gpus=(Gpu(vendor="nvidia", compute_capability="8.6"),)
)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (When(os=("linux",)), True),
        (When(os=("windows", "macos")), False),
        (When(vendor=("amd",)), False),
        (When(vendor=("nvidia", "amd")), True),
        (When(driver_below="570"), True),
        (When(driver_below="560.35"), False),
        (When(capability_below="7.5"), False),
        (When(capability_at_least="8.6"), True),
        (When(capability_at_least="12.0"), False),
        (When(disk_free_below_mib=1000), True),
        (When(disk_free_below_mib=900), False),
        (When(proxy_set=True), False),
        (When(proxy_set=False), True),
        (When(torch_below="2.6"), True),
        (When(torch_at_least="2.6"), False),
    ],
)
def test_the_machine_counts_where_it_is_known(when: When, holds: bool):
    rule = kind("late", sign("timed out", when=when))
    here = Circumstances(MACHINE, proxy_set=False, torch="2.5.1+cu121")
    assert found("timed out\n", rule, circumstances=here) == (["late"] if holds else [])
    assert found("timed out\n", rule, circumstances=Circumstances(Machine())) == ["late"]
    assert found("timed out\n", rule) == ["late"]


def test_a_live_log_is_known_before_all_that_follows_is():
    rule = kind("pip", sign("timed out", with_=("pip",), without=("proxy",)))
    live = Matcher(compiled((rule,)), Circumstances(), eager=True)
    assert live.feed(["pip install", "read"]) == []
    assert [match.line for match in live.feed(["timed out"])] == [2]
    late = Matcher(compiled((rule,)), Circumstances(), eager=True)
    assert late.feed(["timed out"]) == []
    assert [match.line for match in late.feed(["that was pip"])] == [0]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (-9, "SIGKILL"), (137, "SIGKILL"), (139, "SIGSEGV"), (-11, "SIGSEGV"), (132, "SIGILL"),
        (3221225477, "STATUS_ACCESS_VIOLATION"), (-1073741819, "STATUS_ACCESS_VIOLATION"),
        ("0xC0000005", "STATUS_ACCESS_VIOLATION"), ("0xc0000142", "STATUS_DLL_INIT_FAILED"),
        (-529697949, "C++ exception"), ("-1073740791", "STATUS_STACK_BUFFER_OVERRUN"),
    ],
)  # fmt: skip
def test_exit_codes_of_every_system_are_decoded(code: int | str, name: str):
    said = meaning(code)
    assert said is not None
    assert f"is {name}: " in str(said)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 127, 128, 255, "", "one", -40, 0x80000003])
def test_other_numbers_are_the_programs_own(code: int | str):
    assert meaning(code) is None


RULE = """
[[kind]]
slug = "x"
title = { en = "A", zh = "甲" }
severity = "error"
cause = { en = "A.", zh = "甲。" }
steps = [ { en = "Do.", zh = "做。" } ]
[[kind.sign]]
name = "one"
has = ["timed out"]
yes = ["timed out"]
no = ["well"]
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("severity", "gravity", '"kind[0].gravity" is unknown'),
        ('has = ["timed out"]', 'has = ["out"]', "too short"),
        ('no = ["well"]', "no = []", "near miss"),
        ('steps = [ { en = "Do.", zh = "做。" } ]', "", "no steps"),
        (', zh = "甲。"', "", "kind[0].cause.zh"),
        ('severity = "error"', 'severity = "error"\nuntil = ["end"]', "too short"),
        ('has = ["timed out"]', 'has = ["timed out"]\nmatch = "("', "no regular expression"),
        ('has = ["timed out"]', 'has = ["timed out"]\nweight = 101', "weight"),
    ],
)
def test_a_rule_that_is_not_right_is_named_with_its_file(tmp_path: Path, old: str, new: str, said: str):
    (tmp_path / "some.toml").write_text(RULE.replace(old, new), encoding="utf-8")
    with pytest.raises(LauncherError) as caught:
        read_rules(tmp_path)
    assert caught.value.code == "bad-facts"
    assert said in str(caught.value)
    assert "some.toml" in str(caught.value)


def test_a_kind_stands_once(tmp_path: Path):
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(RULE, encoding="utf-8")
    with pytest.raises(LauncherError, match="stands twice"):
        read_rules(tmp_path)


def test_a_sentence_of_the_data_is_said_in_the_language_of_the_catalogue():
    said = replace(WORDS, en="It is {what}.", zh="是{what}。").text(what=t("done"))
    assert str(said) == "It is done."
    assert said.render({"en": "zh", "done": "完成"}.__getitem__) == "是完成。"
