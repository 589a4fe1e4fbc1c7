"""More than 300 texts where a proxy belongs: accepted, mended, or refused in words; whatever is handed on is whole."""

# ruff: noqa: PERF203 - all faults are told together

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

from launcher.core.network.proxies import proxy_environment
from tests.hostile_proxies import PROXIES, SECRET
from tests.launcher.proxies.every_source import end_of, sources


def test_every_text_is_accepted_mended_or_refused_in_words_and_no_password_is_told() -> None:
    assert len(PROXIES) > 300
    faults: dict[str, str] = {}
    ends: Counter[str] = Counter()
    for text in PROXIES:
        try:
            ends[end_of(text)] += 1
        except Exception as error:  # noqa: BLE001 - all of them are told together
            faults[text[:80]] = f"{type(error).__name__}: {error}"[:300]
    assert faults == {}
    assert all(ends[end] > 20 for end in ("accepted", "mended", "refused"))
    assert sum(SECRET in text for text in PROXIES) > 60


def test_a_child_starts_with_what_became_of_any_of_them() -> None:
    """The system itself judges the variables."""
    ways = {(source.http, source.https, source.bypass) for text in PROXIES[::20] for source in sources(text)}
    for http, https, bypass in list(ways)[::5]:
        variables = proxy_environment(http, https, bypass)
        code = "import os, json; print(json.dumps(dict(os.environ)))" if sys.platform == "win32" else "true"
        command = [sys.executable, "-c", code] if sys.platform == "win32" else [code]
        subprocess.run(command, env={**os.environ, **variables}, check=True, capture_output=True)
