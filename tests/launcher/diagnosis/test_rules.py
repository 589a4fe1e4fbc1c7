"""Every rule recognises its own examples first, and does not claim its near misses."""

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
