"""Every hostile text, and 5,000 pieces of them put together by chance, on every way to a terminal that shows lines:
`python -m tests.release.terminal`.
"""

from __future__ import annotations

import json
import os
import platform
import random
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

from tests.hostile_text import TEXTS, obeyed
from tests.launcher.terminal.ways import WAYS

RESULT = Path(__file__).parent / "results" / "terminal.json"
_MADE = 5_000
#: the ways that start a program, or make a file, for each text take fewer
_FEWER = {"diagnose": 1000, "names and titles of models": 500, "a bug's report": 1000}


def main() -> int:
    began, chance = time.monotonic(), random.Random(1)
    made = ["".join(_piece(chance) for _ in range(chance.randint(1, 4))) for _ in range(_MADE)]
    rows = []
    for way, write in WAYS.items():
        texts = (*TEXTS, *made[: _FEWER.get(way, _MADE)])
        with tempfile.TemporaryDirectory() as folder:
            written = write(texts, Path(folder))
        rows.append({"way": way, "texts": len(texts), "written": len(written), "obeyed": sorted(obeyed(written))})
        print(way, rows[-1]["obeyed"], file=sys.stderr, flush=True)
    found = {
        "date": datetime.now(timezone.utc).date().isoformat(), "python": platform.python_version(),
        "system": platform.system(), "cores": os.cpu_count(), "texts": len(TEXTS), "made": _MADE,
        "seconds": round(time.monotonic() - began), "rows": rows,
    }  # fmt: skip
    wrong = [row for row in rows if row["obeyed"]]
    if not wrong:
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))
    return 1 if wrong else 0


def _piece(chance: random.Random) -> str:
    text = chance.choice(TEXTS)[:60]
    start = chance.randint(0, len(text))
    return text[start:] if chance.random() < 0.3 else text


if __name__ == "__main__":
    sys.exit(main())
