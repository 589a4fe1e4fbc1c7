"""Which families of models lie there, by their headers alone; and the plan that follows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from launcher.core.environments.environments import installed
from launcher.core.memory import families as memory_families
from launcher.core.memory.families import families_in
from launcher.core.models.facts import Facts
from launcher.core.models.shelves import Shelf, workspace_shelves
from launcher.core.models.walk import Refused, Seen, walk
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.proposal import propose
from tests.fakes.model_files import checkpoint, lora, write_safetensors


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "我的 画图 (新)")


def put(workspace: Workspace, name: str, family: str) -> Path:
    path = workspace.models / "Stable-diffusion" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(path, checkpoint(family))
    return path


def found(workspace: Workspace) -> tuple[str, ...]:
    return families_in(workspace_shelves(workspace))


def test_nothing_lies_there(workspace: Workspace) -> None:
    assert found(workspace) == ()


def test_families_are_told_and_the_refiner_counts_as_sdxl(workspace: Workspace) -> None:
    put(workspace, "a/动漫.safetensors", "sd1")
    assert found(workspace) == ("sd1",)
    put(workspace, "refiner.safetensors", "sdxl-refiner")
    assert found(workspace) == ("sd1", "sdxl")


def test_what_is_no_checkpoint_or_broken_says_nothing(workspace: Workspace) -> None:
    folder = put(workspace, "x.safetensors", "sd1").parent
    (folder / "x.safetensors").write_bytes(b"\xff" * 40)
    write_safetensors(folder / "lora.safetensors", lora("sdxl"))
    assert found(workspace) == ()


def test_no_more_is_read_than_is_needed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c", "d", "e", "f"):
        put(workspace, f"{name}.safetensors", {"a": "sd1", "b": "sd2", "c": "sdxl"}.get(name, "sd1"))
    read: list[str] = []
    plain = memory_families.read_facts_of

    def counted(seen: Seen) -> Facts:
        read.append(seen.name)
        return plain(seen)

    def by_name(shelves: Sequence[Shelf]) -> list[Seen | Refused]:
        # a folder has no order of its own
        return sorted(walk(shelves), key=lambda each: each.path)

    monkeypatch.setattr(memory_families, "read_facts_of", counted)
    monkeypatch.setattr(memory_families, "walk", by_name)
    assert found(workspace) == ("sd1", "sd2", "sdxl")
    assert len(set(read)) < 6


def test_the_proposal_plans_for_what_lies_there(workspace: Workspace) -> None:
    put(workspace, "x.safetensors", "sdxl")
    plan = propose(workspace, Options(memory="cpu"), installed(workspace)).plan
    assert plan.memory.picture is not None
    assert (plan.memory.picture.family, plan.memory.picture.width) == ("sdxl", 1024)
    other = propose(workspace, Options(memory="cpu", family="sd1", size=(640, 448)), installed(workspace)).plan
    assert other.memory.to_json("")["size"] == [640, 448]
