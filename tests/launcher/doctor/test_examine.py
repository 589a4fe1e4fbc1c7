"""All checks at once: each has its time, none holds up another, and a bug in one is neither hidden nor in the way."""

from __future__ import annotations

import threading

import pytest

from launcher.core.doctor.check import Checked, Verdict, well, wrong
from launcher.core.doctor.examine import CHECKS, Check, examine
from launcher.core.doctor.ground import Ground
from launcher.core.errors import LauncherError
from launcher.core.mends.mend import Here
from launcher.core.text import t

FINE = Check("fine", t("Disk space"), lambda _: well(t("There are none.")))


def check(name: str, look) -> Check:
    return Check(name, t("Disk space"), look)


def by_name(found) -> dict[str, Checked]:
    return {each.name: each for each in found}


def test_a_check_that_hangs_ends_as_not_told_and_the_others_do_not_wait_for_it(here: Here) -> None:
    never = threading.Event()

    def hangs(_: Ground) -> Verdict:
        never.wait()
        return well(t("There are none."))

    found = list(examine(here, (check("hangs", hangs), FINE), seconds=0.5))
    assert [each.name for each in found] == ["fine", "hangs"]
    assert (found[0].ok, found[1].ok) == (True, None)
    assert "within" in str(found[1].detail)
    never.set()


def test_what_a_check_raises_is_what_it_found(here: Here) -> None:
    def refuses(_: Ground) -> Verdict:
        raise LauncherError("x", t("The disk is full."), t("Download it again."))

    def no_file(_: Ground) -> Verdict:
        raise PermissionError(13, "Permission denied")

    found = by_name(examine(here, (check("refuses", refuses), check("file", no_file))))
    assert (found["refuses"].ok, str(found["refuses"].fix)) == (False, "Download it again.")
    assert found["file"].ok is None
    assert "Permission denied" in str(found["file"].detail)


def test_a_bug_is_raised_after_the_others_have_been_told(here: Here) -> None:
    def buggy(_: Ground) -> Verdict:
        raise ZeroDivisionError

    found = examine(here, (check("buggy", buggy), FINE))
    assert next(found).name == "fine"
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_the_mend_and_what_it_needs_to_know_come_along(here: Here) -> None:
    (found,) = examine(here, (check("x", lambda _: wrong(t("The disk is full."), t("Download it again."), "m", n=7)),))
    assert (found.mend, dict(found.values)) == ("m", {"n": "7"})


def test_every_check_has_its_own_name_and_says_something_here(here: Here) -> None:
    assert len({each.name for each in CHECKS}) == len(CHECKS)
    found = list(examine(here))
    assert {each.name for each in found} == {each.name for each in CHECKS}
    for each in found:
        assert str(each.detail)
        assert (each.fix is not None) or each.ok is not False


def test_looking_changes_nothing_in_a_workspace_that_is_not_there(here: Here) -> None:
    here.workspace.root.rmdir()
    list(examine(here, tuple(each for each in CHECKS if each.name != "models")))
    assert not here.workspace.root.exists()


def test_settings_that_cannot_be_read_are_said_by_one_check_alone(here: Here) -> None:
    here.workspace.root.mkdir(parents=True, exist_ok=True)
    here.workspace.config_file.write_text("[[[broken", "utf-8")
    asked = tuple(each for each in CHECKS if each.name in ("settings", "models", "proxy", "ports"))
    found = by_name(examine(here, asked, seconds=10))
    assert {name: one.ok for name, one in found.items()} == {
        "settings": False, "models": None, "proxy": None, "ports": None,
    }  # fmt: skip
    assert "config.toml" in str(found["models"].detail)
