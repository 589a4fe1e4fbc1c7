"""What an old version drew otherwise: the options under which its pictures come out again."""

from __future__ import annotations

import re

#: AUTOMATIC1111's `git describe`: v1.6.0, or v1.7.0-225-g1234abcd with the commits since then
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-(\d{1,9})(?:-g[0-9a-f]+)?)?$")
_CHANGES = (
    ((1, 6, 0, 0), "use_old_scheduling"),
    ((1, 7, 0, 225), "use_downcasted_alpha_bar"),
)


def options_of_version(version: str) -> dict[str, str]:
    """Options to turn on for a text of this `Version`; none for what is no version of AUTOMATIC1111's."""
    found = _VERSION.match(version.strip())
    if found is None:
        return {}
    number = tuple(int(part or 0) for part in found.groups())
    return {name: "True" for before, name in _CHANGES if number < before}
