"""The file that these tests download, and what they look at."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import pytest

from launcher.core.download.door import Patience, Wanted, download
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice

DATA = random.Random(5).randbytes(400_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
BRIEF = Patience(connect=0.4, silence=0.4, pause=0.02, strikes=1)


def failure(wanted: Wanted, **more: Any) -> LauncherError:
    with pytest.raises(LauncherError) as caught:
        list(download(wanted, patience=BRIEF, **more))
    return caught.value


def slugs(events: list[Event]) -> list[str]:
    return [event.slug for event in events if isinstance(event, Notice)]
