"""What each source says of proxies, in lines for people."""

from __future__ import annotations

from launcher.core.network.proxy_settings import Said
from launcher.core.proxy_address import masked
from launcher.core.text import Text, t

SOURCES: dict[str, Text] = {
    "settings": t("Gesso's settings"),
    "environment": t("variables of the environment"),
    "pip": t("pip's configuration"),
    "windows": t("Windows' settings"),
    "gnome": t("GNOME's settings"),
    "kde": t("KDE's settings"),
    "macos": t("the settings of macOS"),
}


def source_lines(source: Said, *, counts: bool) -> list[Text]:
    """`counts`: its proxies are the ones that are used."""
    name = SOURCES[source.source]
    lines: list[Text] = []
    if source.none:
        lines.append(t("{source}: no proxy, whatever else is set", source=name))
    if source.http or source.https:
        http, https = (masked(each) if each else t("none") for each in (source.http, source.https))
        addresses = http if http == https else t("{http} for http, {https} for https", http=http, https=https)
        line = t("{source}: {addresses}", source=name, addresses=addresses)
        lines.append(t("{line} (this counts)", line=line) if counts else line)
    if source.bypass:
        lines.append(t("  past it go: {hosts}", hosts=", ".join(source.bypass)))
    if source.script:
        script = t(
            "{source}: a configuration script ({address}), which Gesso does not run; "
            "if nothing gets through, give the proxy itself with `gesso proxy set`.",
            source=name,
            address=masked(source.script),
        )
        lines.append(script)
    return [*lines, *(t("{source}: {problem}", source=name, problem=problem) for problem in source.problems)]
