"""The keys of the home screen, and what each does in which state."""

from __future__ import annotations

from launcher.core.text import Text, t
from launcher.tui.speaking import BACK, KeyOf
from launcher.tui.state import Home

#: the other screens, by the key that opens each
WAYS = (
    KeyOf("m", "way('models')", t("Models"), in_line=False),
    KeyOf("e", "way('environments')", t("Environments"), in_line=False),
    KeyOf("n", "way('network')", t("Network"), in_line=False),
    KeyOf("p", "way('profiles')", t("Profiles"), in_line=False),
    KeyOf("c", "way('console')", t("Console"), in_line=False),
    KeyOf("t", "way('troubleshooting')", t("Trouble"), in_line=False),
    KeyOf("comma", "way('settings')", t("Settings"), ",", in_line=False),
)
KEYS = (
    KeyOf("enter", "go", t("Start")),
    KeyOf("y", "take", t("Start")),
    KeyOf("r", "again", t("Try again")),
    KeyOf("s", "stop", t("Stop")),
    KeyOf("o", "open", t("Open the page")),
    KeyOf("k", "qr", t("QR code")),
    KeyOf("l", "language", t("中文")),
    KeyOf("q", "leave", t("Leave")),
    *WAYS,
)


def screen_of(way: KeyOf) -> str:
    """The name in SCREENS."""
    return way.action.split("'")[1]


def meanings(home: Home) -> dict[str, Text | None]:
    """What the keys do in this state, by their actions; None: nothing."""
    going, failed = home.stage in ("serving", "starting"), home.stage == "failed"
    offered = home.offer is not None
    return {
        "go": _enter(home),
        "take": t("Stop. {offer}", offer=home.offer.words) if home.offer and going else None,
        "again": t("Try again") if offered and failed else None,
        "stop": t("Stop") if home.busy else None,
        "open": t("Open the page") if home.stage == "serving" and home.page else None,
        "qr": t("QR code") if home.network else None,
        "back": BACK.meaning if home.stage == "asked" else None,
    }


def _enter(home: Home) -> Text | None:
    match home.stage:
        case "failed" if home.offer is not None:
            return home.offer.words
        case "ready" | "failed" if home.blocked or home.survey is None:
            return t("Look again")
        case "ready" | "failed":
            return t("Install and start") if home.missing else t("Start")
        case "asked":
            return t("Begin")
        case _:
            return None
