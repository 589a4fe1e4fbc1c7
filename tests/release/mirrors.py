"""The cases of mirrors with files of four sizes: `python -m tests.release.mirrors`."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

from tests.launcher.mirrors.cases import CASES, Mirrors

RESULT = Path(__file__).parent / "results" / "mirrors.json"
#: bytes; what is measured is at most 1 MiB
_SIZES = (20_000, 65_537, 300_000, 1_000_000)


def main() -> int:
    began = time.monotonic()
    ends: Counter[str] = Counter()
    wrong: dict[str, str | None] = {}
    for size in _SIZES:
        with tempfile.TemporaryDirectory() as folder:
            mirrors = Mirrors(Path(folder), size)
            with mirrors.server, ThreadPoolExecutor(8) as pool:
                for case, end in zip(CASES, pool.map(mirrors.end_of, CASES), strict=True):
                    ends[end or "the right file"] += 1
                    if end != case.end:
                        wrong[f"{case} {size}"] = end
    found = {
        "date": datetime.now(timezone.utc).date().isoformat(), "python": platform.python_version(),
        "system": platform.system(), "cores": os.cpu_count(), "cases": len(CASES), "sizes": _SIZES, "otherwise": wrong,
        "seconds": round(time.monotonic() - began), "ends": ends,
    }  # fmt: skip
    if not wrong:
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
