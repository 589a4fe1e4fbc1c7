"""What a plan's reader should know of the proxies: one that cannot be used, a script that is not run."""

from __future__ import annotations

from collections.abc import Iterator

from launcher.core.errors import Finding
from launcher.core.network.proxies import Proxies
from launcher.core.text import t


def about_proxies(proxies: Proxies) -> Iterator[Finding]:
    """Nothing where the proxies are as they should be."""
    for source in proxies.sources:
        for problem in source.problems:
            yield Finding("proxy-not-usable", "warning", problem)
        if source.script and proxies.chosen is None:
            message = t(
                "The system finds its proxy by a script, which Gesso does not run: "
                "if nothing gets through, give the proxy itself with `gesso proxy set`."
            )
            yield Finding("proxy-script", "info", message)
