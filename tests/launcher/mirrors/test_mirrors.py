"""More than 75 ways in which mirrors fail: each ends in a named code, or in the next mirror's right file."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from launcher.core.download.door import Address, Wanted, download
from launcher.core.errors import LauncherError
from tests.fakes.certificates import self_signed
from tests.fakes.fault_server import FaultServer
from tests.launcher.mirrors.cases import CASES, PATIENCE, Case, Mirrors


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Case, Future[str | None]]]:
    """All of them at once: most of the time is waiting."""
    mirrors = Mirrors(tmp_path_factory.mktemp("mirrors"), 200_000)
    with mirrors.server, ThreadPoolExecutor(8) as pool:
        yield {case: pool.submit(mirrors.end_of, case) for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_mirror_that_fails_is_named_or_left_and_no_wrong_file_is_taken(
    case: Case, ends: dict[Case, Future[str | None]]
) -> None:
    assert ends[case].result() == case.end


def test_there_are_more_than_75() -> None:
    assert len(set(CASES)) == len(CASES) > 75


@pytest.mark.parametrize(("name", "code"), [("IP:127.0.0.1", None), ("DNS:elsewhere.example", "download-certificate")])
def test_a_certificate_for_another_name_is_none(
    name: str, code: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its maker is trusted all the same."""
    both = self_signed(tmp_path, name)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(both))
    found = None
    with FaultServer(b"content", certificate=both) as server:
        try:
            list(download(Wanted("m", tmp_path / "m.bin", (Address(server.url("ok", "m")),)), patience=PATIENCE))
        except LauncherError as error:
            found = error.code
    assert found == code
    assert (tmp_path / "m.bin").exists() == (code is None)
