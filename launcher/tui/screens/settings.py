"""The settings: every key of config.toml, the workspace on the disk, and the way to an update."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from launcher.core.errors import LauncherError
from launcher.core.settings import Value
from launcher.core.text import Text, t
from launcher.language import LANGUAGES
from launcher.setting_words import WORDS, SettingWords, read, written
from launcher.tui import settings_state
from launcher.tui.asks_settings import SettingsAsks, SettingsSeen
from launcher.tui.jobs import Jobs
from launcher.tui.messages import Done, Failed, Finished, Happened
from launcher.tui.screens.ask import AskScreen, Question
from launcher.tui.screens.leave import LeaveScreen
from launcher.tui.settings_state import Chosen
from launcher.tui.speaking import KeyOf, SpeakingScreen
from launcher.tui.themes import NAMES
from launcher.tui.untrusted import plain
from launcher.tui.widgets.row_table import Column, RowTable

#: cells of the columns before the last
_KEY, _VALUE = 20, 24


class SettingsScreen(SpeakingScreen[None]):
    """Draws from one frozen state; every change is written to config.toml at once."""

    heading = t("Settings")
    about = (
        t(
            "Everything that can be chosen for good, with what it is for and what counts without a choice. It is kept "
            "in config.toml in the workspace, a text file that you may also edit yourself; Gesso keeps your comments."
        ),
        t("What is chosen stands in bold; what stands in brackets counts because nothing was chosen."),
        t("Everything of Gesso's lies in the workspace: deleting that folder removes all of it."),
    )
    keys = (
        KeyOf("enter", "edit", t("Change")),
        KeyOf("r", "reset", t("Take back")),
        KeyOf("u", "update", t("Newer Gesso")),
        KeyOf("t", "trouble", t("Troubleshooting")),
    )
    chosen: reactive[Chosen] = reactive(Chosen(), init=False)

    def __init__(self) -> None:
        super().__init__()
        self._jobs = Jobs(self)

    @property
    def _asks(self) -> SettingsAsks:
        return self.gesso.ask(SettingsAsks)

    def body(self) -> ComposeResult:
        """Table, what there is to know of the row, the workspace."""
        yield Static(id="settings-shown")
        yield RowTable(id="settings")
        yield Static(id="settings-about")
        yield Static(id="workspace")

    def on_mount(self) -> None:
        """The file, then the disk, which takes longer."""
        super().on_mount()
        self._jobs.start("look", lambda _: self._asks.look())
        self._jobs.start("count", self._asks.count)
        self.query_one(RowTable).focus()

    def on_unmount(self) -> None:
        """Nobody waits for the counting."""
        self._jobs.cancel()

    def on_resize(self) -> None:
        """The last column takes what is left."""
        self._redraw()

    def watch_chosen(self) -> None:
        """The state has changed."""
        self._redraw()

    def retell(self) -> None:
        """All of it."""
        super().retell()
        self._redraw()

    def meaning(self, key: KeyOf) -> Text | None:
        """Nothing is taken back that was not chosen."""
        picked = self.query_one(RowTable).picked
        if key.action == "edit":
            return key.meaning if picked else None
        if key.action == "reset":
            return key.meaning if picked and written(self.chosen.value(picked)) else None
        return None if key.action == "trouble" and not self.chosen.unread else key.meaning

    def _redraw(self) -> None:
        rest = max(10, self.size.width - _KEY - _VALUE - 8)
        columns = (
            Column("key", self.say(t("setting")), _KEY),
            Column("value", self.say(t("value")), _VALUE),
            Column("meaning", self.say(t("what it is for")), rest),
        )
        self.query_one(RowTable).show(columns, settings_state.lines(self.chosen, self.say))
        error, seen = self.chosen.error, self.chosen.seen
        top = self.query_one("#settings-shown", Static)
        top.set_class(error is not None, "-wrong")
        if error is not None:
            top.update(Content(plain(f"✗ {self.say(error.message)} {self.say(error.hint)}")))
        else:
            top.update(Content(plain(str(seen.file)) if seen else self.say(t("Looking …"))))
        disk = self.query_one("#workspace", Static)
        disk.border_title = self.say(t("The workspace"))
        disk.update(
            Content("\n").join(Content(plain(line)) for line in settings_state.workspace(self.chosen, self.say))
        )
        self._explain()

    @on(RowTable.Moved)
    def _explain(self) -> None:
        said = settings_state.about(self.chosen, self.query_one(RowTable).picked)
        pane = self.query_one("#settings-about", Static)
        pane.update(Content("\n").join(Content(plain(self.say(each))) for each in said))
        self.rekey()

    # What the jobs say

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        for use in message.inbox.take():
            self.chosen = replace(self.chosen, use=use)

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, SettingsSeen):
            self.chosen = replace(self.chosen, seen=message.value, error=None)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        if message.error.code != "interrupted":
            self.chosen = replace(self.chosen, error=message.error)

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self._jobs.ended(message.name)

    # What the keys do

    @on(RowTable.Taken)
    def action_edit(self) -> None:
        """Choices are chosen, all else is written."""
        if (key := self.query_one(RowTable).picked) is None:
            return
        words = WORDS[key]
        if words.choices:
            choices = {**dict(words.choices), "stay": t("Leave it as it is")}
            self.app.push_screen(LeaveScreen(words.meaning, choices, self.say), partial(self._chose, key))
            return
        question = Question(
            t("Setting: {key}", key=key),
            settings_state.hint(words),
            partial(_check, words),
            value=settings_state.editable(self.chosen, key),
        )
        self.app.push_screen(AskScreen(question, self.say), partial(self._wrote, key))

    def action_reset(self) -> None:
        """Nothing chosen."""
        key = self.query_one(RowTable).picked
        if key and written(self.chosen.value(key)):
            self._change(key, None)

    def action_trouble(self) -> None:
        """Where a file that cannot be read is set aside."""
        if self.chosen.unread:
            self.gesso.go("troubleshooting")

    def on_screen_resume(self) -> None:
        """Back from there."""
        if self.chosen.unread:
            self._jobs.start("look", lambda _: self._asks.look())

    def action_update(self) -> None:
        """Another screen."""
        self.gesso.go("update")

    def _chose(self, key: str, choice: str | None) -> None:
        if choice != "stay":
            self._change(key, choice)

    def _wrote(self, key: str, text: str | None) -> None:
        if text is not None:
            self._change(key, read(WORDS[key], text))

    def _change(self, key: str, value: Value | None) -> None:
        self._jobs.start("change", lambda _: self._asks.change(key, value))
        # These two are seen at once; what the system's language is, the next start finds out.
        if key == "language" and value in LANGUAGES:
            self.gesso.language = str(value)
        elif key == "theme":
            self.gesso.show_colours(str(value) if value in NAMES else next(iter(NAMES)))


def _check(words: SettingWords, text: str) -> None:
    try:
        read(words, text)
    except ValueError:
        raise LauncherError(
            "not-a-number", t("A whole number is needed here, 0 or more."), t("Such as 2048.")
        ) from None
