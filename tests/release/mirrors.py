"""The cases of mirrors with files of 8 MB: `python -m tests.release.mirrors`."""

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
_SIZE = 8_000_000


def main() -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        mirrors = Mirrors(Path(folder), _SIZE)
        with mirrors.server, ThreadPoolExecutor(4) as pool:
            ends = dict(zip(CASES, pool.map(mirrors.end_of, CASES), strict=True))
    wrong = {str(case): end for case, end in ends.items() if end != case.end}
    found = {
        "date": datetime.now(timezone.utc).date().isoformat(), "python": platform.python_version(),
        "system": platform.system(), "cores": os.cpu_count(), "cases": len(CASES), "bytes": _SIZE, "otherwise": wrong,
        "seconds": round(time.monotonic() - began), "ends": Counter(end or "the right file" for end in ends.values()),
    }  # fmt: skip
    if not wrong:
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
