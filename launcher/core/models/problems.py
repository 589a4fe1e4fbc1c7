"""What can be wrong with a model's file, as sentences with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.core.text import Text, t

_AGAIN = t("Download it again.")
_FETCH = t("Fetch the file itself: the download button of its page, or `gesso models add` with its address.")
_LOOK = t("Check that you may read it and that its disk is there.")
#: code -> (what is wrong, what to do)
PROBLEMS: dict[str, tuple[Text, Text]] = {
    "empty": (t("The file is empty."), _AGAIN),
    "truncated": (t("The file is cut short."), _AGAIN),
    "damaged": (t("The file's header is damaged."), _AGAIN),
    "web-page": (t("This is a web page that was saved under a model's name."), _FETCH),
    "lfs-pointer": (t("This is only a git-lfs note about the model."), _FETCH),
    "not-a-model": (t("This is neither a safetensors nor a torch file."), t("Look where it comes from.")),
    "no-weights": (t("There are no weights in it."), t("Look where it comes from.")),
    "unreadable": (t("The file cannot be read."), _LOOK),
    "wrong-ending": (
        t("This is a torch file under the ending .safetensors."),
        t("Rename it to .ckpt or .pt; then `gesso models convert` can turn it into safetensors."),
    ),
    "dangerous": (
        t("This pickle names functions that can run commands: {detail}."),
        t("Do not load it in other programs; delete it if you do not know where it comes from."),
    ),
    "unusual": (
        t("This pickle names what weights have no need of: {detail}."),
        t("Convert it with `gesso models convert`, or load it in other programs only if you trust its maker."),
    ),
    "unsupported": (
        t("Gesso does not draw with models of this family ({detail})."),
        t("Use it in a program that does."),
    ),
    "incomplete": (
        t("The checkpoint has no text model, so it draws nothing by itself."),
        t("Take the complete file of this model."),
    ),
    "misplaced": (t("It lies in the wrong folder."), t("Move it to {detail}.")),
}


@dataclass(frozen=True)
class Problem:
    """`code` is a key of PROBLEMS; `detail` fills its sentences."""

    code: str
    detail: str = ""

    @property
    def message(self) -> Text:
        return self._filled(PROBLEMS[self.code][0])

    @property
    def hint(self) -> Text:
        return self._filled(PROBLEMS[self.code][1])

    def _filled(self, text: Text) -> Text:
        # It may come out of a stranger's file: no line breaks, no codes that a terminal would obey.
        shown = "".join(one if one.isprintable() else "?" for one in self.detail)
        return Text(text.template, (("detail", shown),)) if "{detail}" in text.template else text
