"""docs/compatibility.md says what the program's tables say, and what it claims is tested or routed."""

import re
from pathlib import Path

import pytest

from runtime.flag_table import FLAGS
from tools.compatibility.endpoints import ENDPOINTS
from tools.compatibility.rows import FIELD_NOTES, SAMPLER_NOTES, TABLES, Row
from tools.compatibility.write import PAGE, page

TESTS = Path(__file__).resolve().parents[2]
ROWS = [*ENDPOINTS.values(), *FIELD_NOTES.values(), *SAMPLER_NOTES.values(), *(r for t in TABLES.values() for r in t)]


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tools.compatibility.write`"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what[:40])
def test_what_differs_or_is_absent_says_how_and_why(row: Row) -> None:
    assert row.state == "works" or row.note


def test_a_flag_that_does_nothing_says_why() -> None:
    for flag in FLAGS:
        assert flag.effect != "accepted" or flag.help


def test_every_proof_is_a_test() -> None:
    for row in ROWS:
        if row.proof:
            file, name = row.proof.split("::")
            assert re.search(rf"^(async )?def {name}\b", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE), row


def test_endpoints_that_work_are_routed(server) -> None:
    routed = {
        (method.upper(), path)
        for path, methods in server.get("/openapi.json").json()["paths"].items()
        for method in methods
    }
    for (method, path), row in ENDPOINTS.items():
        if path.startswith("/sdapi") and "/server-" not in path:
            assert ((method, path) in routed) == (row.state != "absent"), path
