"""A path as somebody wrote it, in a flag, a setting or a form."""

from __future__ import annotations

import os
from pathlib import Path


def written_path(text: str | Path) -> Path:
    """With ~ for a home folder; where nobody has that name, as on a server, the folder is called so."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path's own raises where nobody has that name
