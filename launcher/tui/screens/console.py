"""The console: everything that the runtime and the installs have said, live, to search, filter, copy and save."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from launcher.core.text import Text, t
from launcher.tui.asks_console import ConsoleAsks
from launcher.tui.jobs import Jobs
from launcher.tui.messages import Done, Failed, Finished
from launcher.tui.speaking import BACK, KeyOf, SpeakingScreen
from launcher.tui.untrusted import plain
from launcher.tui.widgets.console_parts import NEXT_MINIMUM, ConsoleStatus
from launcher.tui.widgets.log_view import LogView

#: characters: more than that many terminals drop without a word
COPIED = 100_000


class ConsoleScreen(SpeakingScreen[None]):
    """Reads the log that all screens share; what a key does is done by the view."""

    heading = t("Console")
    about = (
        t("Everything that the runtime and the installs have said, the newest {count} lines.", count="100,000"),
        t("At the edge: E is an error, W a warning, * said by Gesso, ^ explains the line above it, > was found."),
        t("Scroll away from the end to read; the last line (End) follows again. Drag with the mouse to select."),
    )
    keys = (
        KeyOf("slash,ctrl+f", "search", t("Search"), "/"),
        KeyOf("n", "next", t("Next"), in_line=False),
        KeyOf("N", "previous", t("Previous"), in_line=False),
        KeyOf("f", "filter", t("Level")),
        KeyOf("space", "follow", t("Pause")),
        KeyOf("w", "wrap", t("Wrap"), in_line=False),
        KeyOf("y,ctrl+c,super+c", "copy", t("Copy"), "y"),
        KeyOf("a,ctrl+a", "select_all", t("Select all"), "a", in_line=False),
        KeyOf("s", "save", t("Save")),
        KeyOf("t", "trouble", t("Trouble"), in_line=False),
    )
    AUTO_FOCUS = "#console"

    def __init__(self) -> None:
        super().__init__()
        self._jobs = Jobs(self)
        self._typing = ""

    def body(self) -> ComposeResult:
        """The log, a line about it, and what is typed."""
        yield LogView(id="console")
        yield ConsoleStatus(id="about-log")
        field = Input(id="typed", compact=True)
        field.display = False
        yield field

    def on_mount(self) -> None:
        """What somebody else has started is followed too."""
        self.gesso.log_feed.follow_others()

    def on_unmount(self) -> None:
        """A file that is being written is written to its end."""
        self._jobs.cancel()

    def retell(self) -> None:
        """Our own sentences in the log too."""
        super().retell()
        self.view.border_title = self.say(t("Log"))
        self.view.rebuild()
        self._tell_about()

    @property
    def view(self) -> LogView:
        """The log."""
        return self.query_one("#console", LogView)

    def meaning(self, key: KeyOf) -> Text | None:
        """Next and previous need something to look for; a pause ends by following."""
        view = self.view
        does = {
            "next": key.meaning if view.search else None,
            "previous": key.meaning if view.search else None,
            "follow": key.meaning if view.following else t("Follow"),
            "wrap": t("Do not wrap") if view.wrapped else key.meaning,
            "back": t("Cancel") if self._typing else BACK.meaning,
        }
        return does.get(key.action, key.meaning)

    @on(LogView.Changed)
    def _changed(self) -> None:
        self._tell_about()

    def _tell_about(self) -> None:
        self.query_one(ConsoleStatus).show(self.view, self.say)
        self.rekey()

    # What is typed

    def _type(self, what: str, text: str, title: Text) -> None:
        field = self.query_one(Input)
        self._typing = what
        field.value, field.placeholder = text, self.say(title)
        field.display = True
        # At once: what is typed next is meant for it.
        self.set_focus(field)
        self.rekey()

    def _typed(self) -> None:
        self._typing = ""
        self.query_one(Input).display = False
        self.view.focus()
        self.rekey()

    @on(Input.Changed)
    def _looking(self, message: Input.Changed) -> None:
        if self._typing == "search":
            self.view.look_for(message.value)
            self._tell_about()

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        what, text = self._typing, message.value
        self._typed()
        if what == "search" and text:
            self.action_previous()
        elif what == "save" and text.strip():
            lines = self.view.all_lines()
            self._jobs.start("save", lambda _: (self._asks.save(text, lines), len(lines)))

    # What the jobs say

    @property
    def _asks(self) -> ConsoleAsks:
        return self.gesso.ask(ConsoleAsks)

    @on(Done)
    def _done(self, message: Done) -> None:
        path, count = message.value
        self.gesso.tell(t("{count} lines have been saved in {path}", count=count, path=plain(path)))

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        error = message.error
        self.gesso.tell(t("{what} {hint}", what=error.message, hint=error.hint), severity="error")

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self._jobs.ended(message.name)

    # What the keys do

    def action_search(self) -> None:
        """Marks as it is typed; Enter goes to the newest place that has it."""
        self._type("search", self.view.search.needle if self.view.search else "", t("Search for …"))

    def action_next(self) -> None:
        """Towards the end, then from the beginning."""
        self.view.go_to_found(forwards=True)

    def action_previous(self) -> None:
        """Towards the beginning, then from the end."""
        self.view.go_to_found(forwards=False)

    def action_filter(self) -> None:
        """Everything, warnings and errors, errors alone."""
        view = self.view
        view.minimum = NEXT_MINIMUM[view.minimum]
        view.rebuild()
        view.look_for(view.search.needle if view.search else "")

    def action_follow(self) -> None:
        """Stay here, or go on with the newest."""
        self.view.follow(not self.view.following)

    def action_wrap(self) -> None:
        """Long lines in several rows, or in one that goes on to the right."""
        self.view.wrapped = not self.view.wrapped
        self.view.rebuild()

    def action_select_all(self) -> None:
        """Every line that is shown."""
        self.view.text_select_all()

    def action_copy(self) -> None:
        """What is selected; else the line that was found; else what is in view."""
        text = self.get_selected_text() or self.view.text_in_view()
        if len(text) > COPIED:
            amount = t("{count} characters are more than a terminal takes: save them with s.", count=len(text))
            self.gesso.tell(amount, severity="warning")
            return
        self.app.copy_to_clipboard(text)
        self.gesso.tell(t("{count} lines have been copied, where the terminal allows it.", count=text.count("\n") + 1))

    def action_save(self) -> None:
        """Where to is shown and may be changed."""
        self._type("save", self._asks.free_path(), t("Save as …"))

    def action_trouble(self) -> None:
        """What helps against what is marked."""
        self.gesso.go("troubleshooting")

    def action_back(self) -> None:
        """Esc: first what is typed, then what was searched for, then the way back."""
        if self._typing:
            if self._typing == "search":
                self.view.look_for("")
            self._typed()
            self._tell_about()
        elif self.view.search:
            self.view.look_for("")
            self._tell_about()
        else:
            super().action_back()
