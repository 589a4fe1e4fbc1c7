"""Every rule recognises its own examples first, and does not claim its near misses."""

import re
from dataclasses import replace

import pytest

from launcher.core.diagnosis.diagnose import diagnose_text
from launcher.core.diagnosis.live import LiveDiagnosis
from launcher.core.diagnosis.rules import Kind, Sign, read_rules

KINDS = read_rules()
SIGNS = [pytest.param(kind, sign, id=f"{kind.slug}/{sign.name}") for kind in KINDS for sign in kind.sign]


@pytest.mark.parametrize(("kind", "sign"), SIGNS)
def test_a_sign_recognises_its_examples(kind: Kind, sign: Sign):
    for log in sign.yes:
        found = [advice.slug for advice in diagnose_text(log)]
        if kind.severity == "harmless":
            assert found == [], log
        else:
            assert found[:1] == [kind.slug], log
        alone = replace(kind, sign=(sign,), severity="error")
        assert [advice.slug for advice in diagnose_text(log, kinds=(alone,))] == [kind.slug], log


@pytest.mark.parametrize(("kind", "sign"), SIGNS)
def test_a_sign_does_not_claim_its_near_misses(kind: Kind, sign: Sign):
    for log in sign.no:
        assert kind.slug not in [advice.slug for advice in diagnose_text(log)], log


@pytest.mark.parametrize(("kind", "sign"), SIGNS)
def test_a_live_log_is_judged_as_the_whole_one(kind: Kind, sign: Sign):
    for log in sign.yes:
        said = [advice.slug for _, advice in LiveDiagnosis().feed(log.splitlines())]
        assert (kind.slug in said) is (kind.severity != "harmless"), log
        if kind.severity == "harmless":
            assert said == [], log


#: what may lose files, or takes a protection off
_COSTLY = re.compile(
    r"reset --hard|git clean|\brm -|rmdir /s|del /|--force\b|\b777\b|--trusted-host|sslVerify|PYTHONHTTPSVERIFY"
    r"|delete (?:the|its|this) [\w-]*(?: [\w-]+)? ?folder"
)


def advice(kind: Kind) -> str:
    return "\n".join(step.en for step in kind.steps)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_advice_costs_the_user_nothing(kind: Kind):
    found = _COSTLY.search(advice(kind).replace("Do not delete the folder", ""))
    assert found is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_advice_that_sets_something_of_git_says_how_to_take_it_back(kind: Kind):
    for words in (lambda step: step.en, lambda step: step.zh):
        said = "\n".join(map(words, kind.steps))
        for key in re.findall(r"git config --global (http\.\w+) \S", said):
            assert f"git config --global --unset {key}" in said
