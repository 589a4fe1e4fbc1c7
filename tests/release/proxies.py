"""Every proxy text in every place where a proxy can be set, and each of them changed thirty times by chance:
`python -m tests.release.proxies`.
"""

from __future__ import annotations

import json
import os
import platform
import random
import sys
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

from tests.hostile_proxies import PROXIES, SECRET
from tests.launcher.proxies.every_source import end_of
from tests.release.launcher_parsers import TARGETS
from tests.release.mutator import Mutator

RESULT = Path(__file__).parent / "results" / "proxies.json"
_CHANGES = 30


def main() -> int:
    began, chance = time.monotonic(), random.Random(1)
    mutator = Mutator(chance, TARGETS["proxy address"].words)
    ends, faults, slowest = Counter[str](), dict[str, str](), 0.0
    for text in PROXIES:
        _try(text, ends, faults)
    known = dict(ends)
    for text in [text for text in PROXIES if SECRET not in text and len(text) < 1000]:
        data = text.encode("utf-8", "surrogatepass")
        for _ in range(_CHANGES):
            changed = mutator.changed(data, ()).decode("utf-8", "surrogateescape")
            slowest = max(slowest, _try(changed, ends, faults))
    found = {
        "date": datetime.now(timezone.utc).date().isoformat(), "python": platform.python_version(),
        "system": platform.system(), "cores": os.cpu_count(), "texts": len(PROXIES), "ends": known,
        "changed": sum(ends.values()) - sum(known.values()), "faults": faults, "slowest_seconds": round(slowest, 3),
        "seconds": round(time.monotonic() - began),
    }  # fmt: skip
    if not faults:
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))
    return 1 if faults else 0


def _try(text: str, ends: Counter[str], faults: dict[str, str]) -> float:
    began = time.thread_time()
    try:
        ends[end_of(text)] += 1
    except Exception as error:  # noqa: BLE001 - all of them are told together
        faults[repr(text[:200])] = f"{type(error).__name__}: {error}"[:300]
    return time.thread_time() - began


if __name__ == "__main__":
    sys.exit(main())
