"""Every spelling of a file outside, in every place that could name it: `python -m tests.release.traversal`.

With $ENGINE_PYTHON. One server with its page and a stub worker; whatever it opens of the folder outside is noted. A run
that was ended goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tests.fakes.serving import CHECKOUT, Served, put_checkpoint, serve, until
from tests.release.bad_inputs import QUICK
from tests.runtime.gate.canary import copies, shows, write_secret
from tests.runtime.gate.lines import Lines
from tests.runtime.gate.path_fields import Field, addresses, fields, files_of_the_page, uploads
from tests.runtime.gate.spellings import leave_ways, spellings

STATE = CHECKOUT / "build" / "release-traversal.json"
RESULT = CHECKOUT / "tests" / "release" / "results" / "traversal.json"
#: requests
_AT_ONCE = 48


@contextmanager
def grounds() -> Iterator[tuple[Served, Path, Path, Path]]:
    """A server, the secret outside, the folder inside, and the file that names what was opened outside."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data, secret = folder / "data with space 数据", write_secret(folder / "outside")
        put_checkpoint(data, "model.safetensors")
        inside, seen = data / "cache" / "gradio", folder / "seen.txt"
        leave_ways(secret, inside)
        watched = {"GESSO_TEST_WATCHED": str(secret.parent), "GESSO_TEST_SEEN": str(seen)}
        with serve(data, "--no-hashing", program=QUICK, GRADIO_TEMP_DIR=str(inside), **watched) as served:
            until(lambda: served.get("/config").status_code == 200, 1200)
            yield served, secret, inside, seen


def run(state: dict[str, Any]) -> None:
    with grounds() as (served, secret, inside, seen):
        ways = spellings(secret, inside)
        places = [*addresses(), *fields(), *files_of_the_page(served.get("/config").json()), *uploads()]
        before = {file.name: file.read_bytes() for file in secret.parent.iterdir()}
        lines, statuses, began = Lines(served.url, _AT_ONCE, timeout=900), Counter(state["statuses"]), time.monotonic()
        state |= {"places": len(places), "spellings": len(ways), "pairs": len(places) * len(ways)}
        for place, field in enumerate(places):
            left = ways[max(0, state["next"] - place * len(ways)) :]
            for paths in (left[at : at + _AT_ONCE] for at in range(0, len(left), _AT_ONCE)):
                statuses.update(_tried(lines, field, paths, seen, state))
                state |= {"next": state["next"] + len(paths), "statuses": statuses}
            now = time.monotonic()
            state["seconds"], began = state["seconds"] + now - began, now
            _look(served, secret, before, state)
            STATE.parent.mkdir(exist_ok=True)
            STATE.write_text(json.dumps(state))
            print(f"{state['next']} of {state['pairs']}, {state['seconds']:.0f} s", file=sys.stderr, flush=True)
        lines.close()


def _tried(lines: Lines, field: Field, paths: list[str], seen: Path, state: dict[str, Any]) -> list[str]:
    """The answers' statuses; findings go to the state."""
    known = seen.stat().st_size if seen.exists() else 0
    answers = lines.ask(map(field.ask, paths))
    for path, answer in zip(paths, answers, strict=True):
        if answer and shows(answer.body):
            _found(state, field.name, path)
    if seen.exists() and seen.stat().st_size > known:
        _found(state, field.name, f"opened by one of {paths}")
    return [str(answer.status) if answer else "none" for answer in answers]


def _look(served: Served, secret: Path, before: dict[str, bytes], state: dict[str, Any]) -> None:
    """Whether something was copied in, or changed outside."""
    if copies(served.output.parent):
        _found(state, "a copy", str(copies(served.output.parent)))
    if {file.name: file.read_bytes() for file in secret.parent.iterdir()} != before:
        _found(state, "a change outside", "")


def _found(state: dict[str, Any], place: str, path: str) -> None:
    state["findings"].append([place, path])
    print(json.dumps(state["findings"][-1]), file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    state: dict[str, Any] = {"next": 0, "seconds": 0.0, "statuses": {}, "findings": []}
    if STATE.exists():
        state = json.loads(STATE.read_text())
    run(state)
    found = {
        "date": datetime.now(timezone.utc).date().isoformat(), "python": platform.python_version(),
        "system": platform.system(), "cores": os.cpu_count(),
        "places": state["places"], "spellings": state["spellings"], "requests": state["next"],
        "canary_seen": len(state["findings"]), "seconds": round(state["seconds"]),
        "statuses": dict(sorted(state["statuses"].items())), "findings": state["findings"],
    }  # fmt: skip
    if not state["findings"]:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))
    return 1 if state["findings"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
