"""Threads: physical cores that may be used, within what a container is given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime import cores
from runtime.worker import set_environment


def processors(folder: Path, *siblings: str) -> Path:
    for number, listed in enumerate(siblings):
        place = folder / f"cpu{number}" / "topology"
        place.mkdir(parents=True)
        (place / "thread_siblings_list").write_text(listed + "\n")
    return folder


def group(folder: Path, own: str, **files: str) -> tuple[Path, Path]:
    for path, text in files.items():
        file = folder / path.replace("__", "/").replace("_DOT_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    (folder / "own").write_text(own + "\n")
    return folder, folder / "own"


def test_two_halves_of_a_core_count_once_and_only_what_may_be_used_counts(tmp_path: Path) -> None:
    topology = processors(tmp_path, "0,2", "1,3", "0,2", "1,3")
    assert cores.cores(range(4), topology) == 2
    assert cores.cores([0, 2], topology) == 1
    assert cores.cores([1, 2], topology) == 2


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/", {"cpu_DOT_max": "250000 100000"}, [2.5]),
        ("0::/", {"cpu_DOT_max": "max 100000"}, []),
        ("0::/a/b", {"a__b__cpu_DOT_max": "max 100000", "a__cpu_DOT_max": "50000 100000"}, [0.5]),
        ("4:cpu,cpuacct:/x\n3:memory:/", {"cpu__x__cpu_DOT_cfs_quota_us": "400000",
                                          "cpu__x__cpu_DOT_cfs_period_us": "100000"}, [4.0]),
        ("2:cpu:/", {"cpu__cpu_DOT_cfs_quota_us": "-1", "cpu__cpu_DOT_cfs_period_us": "100000"}, []),
    ],
)  # fmt: skip
def test_a_containers_share_is_read_from_every_group_above(
    tmp_path: Path, own: str, files: dict[str, str], expected: list[float]
) -> None:
    assert list(cores.shares(*group(tmp_path, own, **files))) == expected


def test_threads_are_cores_within_the_share_and_at_least_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores", lambda _processors: 8)
    for share, expected in (([], 8), ([2.5], 3), ([0.2], 1), ([16.0], 8)):
        monkeypatch.setattr(cores, "shares", lambda share=share: iter(share))
        assert cores.threads() == expected


def test_the_worker_takes_them_unless_the_user_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.worker.threads", lambda: 3)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    set_environment()
    assert os.environ["OMP_NUM_THREADS"] == "5"
    monkeypatch.delenv("OMP_NUM_THREADS")
    set_environment()
    assert os.environ["OMP_NUM_THREADS"] == "3"
