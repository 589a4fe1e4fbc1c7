"""A torch that does not pass its proof is followed by the next one, and what is proven stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from launcher.core.environments.environments import current, installed
from launcher.core.environments.installed import Installed
from launcher.core.environments.unproven import forget_unproven, note_unproven, unproven
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Step
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.install.install import install
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import make_plan
from launcher.core.pytorch.choice import TorchChoice
from tests.launcher.core_act.workshop import from_index, from_wheel, index_pages, lock_of, plan_with, sha256, wheel

#: passes with one version of torch only
PROVES = (
    "import json, importlib.metadata as m; v = m.version('torch'); "
    "print(json.dumps({{'ok': v == '{version}', 'torch': v, 'error': 'no kernel image', 'code': '{code}'}}))"
)


@dataclass(frozen=True)
class Shelf:
    """Three builds of torch, and a lock."""

    workspace: Workspace
    environ: dict[str, str]
    lock: Path
    choices: tuple[TorchChoice, ...]

    def install(self, proven: str, choice: TorchChoice | None = None, code: str = "proof-kernels") -> list[Event]:
        first, *others = self.choices
        plan = plan_with(choice or replace(first, others=tuple(others), driver="580.95"))
        proof = ("-c", PROVES.format(version=proven, code=code))
        return list(install(plan, self.workspace, environ=self.environ, lock=self.lock, proof=proof))


@pytest.fixture
def shelf(tmp_path: Path, workspace: Workspace, environ: dict[str, str]) -> Shelf:
    links = tmp_path / "links"
    wheels = [wheel(links, "torch", version) for version in ("2.13.0", "2.12.0", "2.11.0")]
    lock = lock_of(tmp_path / "engine.txt", wheel(links, "tiny", "1.0"))
    environ = {**environ, "PIP_FIND_LINKS": str(links), "PIP_NO_INDEX": "1"}
    return Shelf(workspace, environ, lock, tuple(replace(from_wheel(each), driver="580.95") for each in wheels))


def test_the_next_is_made_from_the_beginning_and_the_first_leaves_nothing(shelf: Shelf) -> None:
    events = shelf.install("2.12.0")
    (notice,) = (event for event in events if isinstance(event, Notice) and event.slug == "torch-next")
    assert "no kernel image" in str(notice.text)
    assert "2.12.0" in str(notice.text)
    states = [(event.name, event.state) for event in events if isinstance(event, Step)]
    assert states.index(("verify", "failed")) < states.index(("verify", "done"))
    here = current(shelf.workspace)
    assert here is not None
    assert [folder.name for folder in shelf.workspace.environments.iterdir() if folder.is_dir()] == [here.name]
    assert installed(shelf.workspace).torch == "2.12.0"
    assert unproven(shelf.workspace, "580.95") == ("2.13.0",)
    assert unproven(shelf.workspace, "590.10") == ()


def test_when_none_passes_the_last_ones_words_are_the_error(shelf: Shelf) -> None:
    with pytest.raises(LauncherError, match=r"environment-broken.*no kernel image"):
        shelf.install("none")
    assert current(shelf.workspace) is None
    assert unproven(shelf.workspace, "580.95") == ("2.13.0", "2.12.0")


def test_one_without_a_wheel_for_the_plans_python_is_passed_over(shelf: Shelf) -> None:
    first, second, third = shelf.choices
    second = replace(second, pythons=("3.1",))
    events = shelf.install("2.11.0", replace(first, others=(second, third)))
    notices = [str(event.text) for event in events if isinstance(event, Notice) and event.slug == "torch-next"]
    assert len(notices) == 1
    assert "2.11.0" in notices[0]


def test_another_failure_is_no_reason_to_try_the_next(shelf: Shelf) -> None:
    Path(shelf.choices[0].wheel or "").write_bytes(b"no wheel")
    with pytest.raises(LauncherError) as failure:
        shelf.install("2.12.0")
    assert failure.value.code != "environment-broken"
    assert unproven(shelf.workspace, "580.95") == ()


def test_a_package_that_cannot_be_imported_is_no_reason_to_fetch_another_torch(shelf: Shelf) -> None:
    with pytest.raises(LauncherError, match=r"environment-broken: .*a package cannot be loaded"):
        shelf.install("2.12.0", code="proof-import")
    assert unproven(shelf.workspace, "580.95") == ()
    assert current(shelf.workspace) is None


ADVISES = (
    "import json, importlib.metadata as m; check = {'advice': '--no-half', 'error': 'no numbers'}; "
    "print(json.dumps({'ok': True, 'torch': m.version('torch'), 'checks': [check]}))"
)


def test_what_the_proof_advises_is_kept_and_every_later_start_follows_it(shelf: Shelf) -> None:
    plan = plan_with(shelf.choices[0])
    list(install(plan, shelf.workspace, environ=shelf.environ, lock=shelf.lock, proof=("-c", ADVISES)))
    here = installed(shelf.workspace)
    assert here.advice == ("--no-half",)
    card = Gpu(0, None, "nvidia", "GTX 1660", 6144, 6000, "7.5")
    rig = Machine("linux", "x86_64", "3.12.1", driver="580.95", gpus=(card,))
    locked = Sources((), here.lock_sha256)

    def flags(before: Installed) -> tuple[str, ...]:
        return make_plan(rig, Options(), before, PipSettings(), locked, Path("/w")).memory.flags

    fitting = replace(here, torch="2.13.0+cu130", python="3.12")
    assert "--no-half" in flags(fitting)
    assert "--no-half" not in flags(replace(fitting, torch="2.11.0+cu128"))


def test_what_failed_here_comes_last_in_the_next_plan_and_the_reason_says_so(workspace: Workspace) -> None:
    card = Gpu(0, None, "nvidia", "RTX 4090", 24564, 24000, "8.9")
    rig = Machine("linux", "x86_64", "3.12.1", driver="580.95", gpus=(card,))

    def planned() -> TorchChoice:
        failed = Installed(unproven=unproven(workspace, rig.driver))
        return make_plan(rig, Options(), failed, PipSettings(), Sources((), "ab" * 32), Path("/w")).torch

    first = planned()
    note_unproven(workspace, first)
    second = planned()
    assert (first.build, second.build) == ("2.13.0+cu130", "2.13.0+cu126")
    assert [other.build for other in second.others][-1] == "2.13.0+cu130"
    assert "2.13.0+cu130 did not pass its proof" in str(second.reason)
    forget_unproven(workspace, second)
    assert planned().build == second.build
    forget_unproven(workspace, first)
    assert planned().build == first.build


def test_packages_that_replace_torch_are_undone_and_said(shelf: Shelf, tmp_path: Path) -> None:
    """A list of packages with another torch in it: what was chosen is put back."""
    links = Path(shelf.choices[0].wheel or "").parent
    swapping = replace(shelf, lock=lock_of(tmp_path / "swapping.txt", wheel(links, "torch", "9.9.0")))
    events = swapping.install("2.13.0", shelf.choices[0])
    (notice,) = (event for event in events if isinstance(event, Notice) and event.slug == "torch-swapped")
    assert "torch 2.13.0 → 9.9.0" in str(notice.text)
    assert installed(shelf.workspace).torch == "2.13.0"


def test_a_source_with_another_file_than_the_published_one_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    served = tmp_path / "served"
    theirs = wheel(served / "torch", "torch", "2.13.0", text="not the same")
    environ = {**shelf.environ, "PIP_NO_INDEX": ""}
    with index_pages(served) as url:
        choice = replace(from_index(url), sha256="0" * 64)
        with pytest.raises(LauncherError, match="hash-mismatch"):
            replace(shelf, environ=environ).install("2.13.0", choice)
        replace(shelf, environ=environ).install("2.13.0", replace(choice, sha256=sha256(theirs)))
    assert installed(shelf.workspace).torch == "2.13.0"
