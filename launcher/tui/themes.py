"""The colours: dark, light, and one of strong contrast. None carries a meaning that words do not carry too."""

from __future__ import annotations

from textual.theme import Theme

from launcher.core.text import Text, t

#: by the word of the setting `theme`; the first is taken where nothing was chosen
NAMES: dict[str, str] = {"dark": "gesso", "light": "gesso-light", "contrast": "gesso-contrast"}
TITLES: dict[str, Text] = {
    "dark": t("dark colours"),
    "light": t("light colours"),
    "contrast": t("colours of strong contrast"),
}
THEMES = (
    # Ochre on the dark of an undrawn canvas.
    Theme(
        name="gesso",
        primary="#d4a458",
        secondary="#8fa9b8",
        accent="#f0dcae",
        success="#8fbf6f",
        warning="#e3b341",
        error="#e5695e",
        foreground="#e6e3dc",
        background="#16171a",
        surface="#212328",
    ),
    # The canvas itself.
    Theme(
        name="gesso-light",
        primary="#8a5a12",
        secondary="#3d5c6e",
        accent="#6b4410",
        success="#2f6b1f",
        warning="#7d5a00",
        error="#b3261e",
        foreground="#22201c",
        background="#f6f2e9",
        surface="#ebe5d8",
        dark=False,
    ),
    Theme(
        name="gesso-contrast",
        primary="#ffd75f",
        secondary="#ffffff",
        accent="#ffff00",
        success="#00ff5f",
        warning="#ffff00",
        error="#ff5f5f",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#262626",
    ),
)
