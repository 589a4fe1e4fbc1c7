"""The run profiles, each on a number: choose, start with it, change it, see how its last start went."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from launcher.core.profiles.flag_words import masked
from launcher.core.profiles.run_profiles import Known, RunProfile
from launcher.core.text import Text, t
from launcher.tui.asks_profiles import ProfilesAsks, ProfilesSeen
from launcher.tui.jobs import Jobs
from launcher.tui.messages import Done, Failed, Finished
from launcher.tui.screens.home import HomeScreen, ProfileChosen
from launcher.tui.screens.leave import LeaveScreen
from launcher.tui.screens.profile_form import ProfileForm
from launcher.tui.speaking import KeyOf, SpeakingScreen
from launcher.tui.untrusted import plain
from launcher.tui.widgets.row_table import Column, Line, RowTable
from launcher.verbs.profiles import of_result

#: from so many columns on there is room for how the last start went
_WIDE = 110
NUMBERED = 9


class ProfilesScreen(SpeakingScreen[None]):
    """Draws what was seen; what is done about it, core does."""

    heading = t("Profiles: how it is started")
    about = (
        t("A profile is a way to start: which card, which port, who may open the page, how memory is used."),
        t("A number from 1 to 9 goes to a profile, Enter starts with it: what runs is stopped first."),
        t("What came with Gesso stays as it is: e makes one of your own that is built on it."),
    )
    keys = (
        KeyOf("enter", "take", t("Start with it")),
        KeyOf("e", "edit", t("Edit")),
        KeyOf("a", "add", t("New")),
        KeyOf("d", "delete", t("Delete")),
        *(KeyOf(str(n), f"number({n})", t("Go to profile {number}", number=n), in_line=False) for n in range(1, 10)),
    )
    BINDINGS = [Binding("delete", "delete", show=False)]  # noqa: RUF012
    seen: reactive[ProfilesSeen | None] = reactive(None, init=False)

    def __init__(self) -> None:
        super().__init__()
        self._jobs = Jobs(self)
        self._first = ""
        #: what was asked for before there was anything to ask it of
        self._later: list[Callable[[], None]] = []

    def body(self) -> ComposeResult:
        """The table, and more about the row."""
        yield RowTable(id="profiles")
        yield Static(id="profile-said")

    def on_mount(self) -> None:
        """Look, then show."""
        self._asks = self.gesso.ask(ProfilesAsks)
        super().on_mount()
        self.query_one(RowTable).focus()
        self._look()

    def on_unmount(self) -> None:
        """The threads end."""
        self._jobs.cancel()

    def on_resize(self) -> None:
        """More or less room."""
        self._redraw()

    def retell(self) -> None:
        """The table too."""
        super().retell()
        self._redraw()

    def watch_seen(self) -> None:
        """Something else is there."""
        self._redraw()

    def meaning(self, key: KeyOf) -> Text | None:
        """Only what the row allows."""
        known = self._known()
        if key.action == "delete" and not (known and known.own):
            return None
        if key.action == "take":
            if known is None or known.trouble:
                return None
            if self.seen and self.seen.running == known.name:
                return t("Start it again")
            return t("Stop, start with it") if self.seen and self.seen.running else key.meaning
        if key.action == "edit" and (known is None or known.profile is None):
            return None
        return key.meaning

    def _known(self) -> Known | None:
        name = self.query_one(RowTable).picked
        return next((each for each in self.seen.profiles if each.name == name), None) if self.seen else None

    def _look(self) -> None:
        self._jobs.start("look", lambda _: self._asks.look())

    def _redraw(self) -> None:
        if self.seen is None:
            return
        wide = self.app.size.width >= _WIDE
        columns = [Column("number", " "), Column("name", self.say(t("Profile"))), Column("title", self.say(t("For")))]
        columns += [Column("serves", self.say(t("Settings")))]
        if wide:
            columns.append(Column("last", self.say(t("Last start"))))
        lines = [self._line(place, each, wide) for place, each in enumerate(self.seen.profiles, 1)]
        table = self.query_one(RowTable)
        table.show(columns, lines)
        self._say_more()

    def _line(self, place: int, known: Known, wide: bool) -> Line:
        seen = self.seen
        assert seen is not None  # noqa: S101 - the caller looked
        number = str(place) if place <= NUMBERED else " "
        mark = "▶" if seen.running == known.name else "●" if seen.chosen == known.name else " "
        profile = known.profile or RunProfile()
        cells = [f"{number} {mark}", known.name, self.say(Text(profile.title)) if profile.title else "", ""]
        cells[3] = (
            self.say(t("cannot be used")) if known.trouble else " · ".join(self.say(each) for each in _brief(profile))
        )
        if wide:
            result = seen.results.get(known.name)
            cells.append(self.say(of_result(result)) if result else "")
        return Line(known.name, tuple(cells), "bold" if mark != " " else "")

    @on(RowTable.Moved)
    def _say_more(self) -> None:
        """Under the table: whose it is, why, what is wrong with it, how its last start went."""
        known = self._known()
        said: list[Content] = []
        if known is not None and self.seen is not None:
            whose = t("yours") if known.own else t("came with Gesso")
            running = [t("runs now")] if self.seen.running == known.name else []
            chosen = (
                [t("starts with Enter at home")] if self.seen.chosen == known.name and not self.seen.running else []
            )
            said.append(Content(" · ".join(self.say(each) for each in (whose, *running, *chosen))))
            if known.profile and known.profile.why:
                said.append(Content(plain(self.say(Text(known.profile.why)))))
            if known.trouble:
                said += [Content.styled(plain(self.say(known.trouble.message)), "$text-error"),
                         Content(plain(self.say(known.trouble.hint)))]  # fmt: skip
            if result := self.seen.results.get(known.name):
                said.append(Content(plain(self.say(of_result(result)))))
        self.query_one("#profile-said", Static).update(Content("\n").join(said))
        self.rekey()

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, ProfilesSeen):
            first = self.seen is None
            self.seen = message.value
            if first or self._first:
                self.query_one(RowTable).pick(self._first or self.seen.running or self.seen.chosen)
                self._first = ""
            later, self._later = self._later, []
            for asked in later:
                asked()
        elif message.name == "delete":
            self.gesso.tell(t("Deleted: {file}", file=message.value))

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.gesso.tell(t("{message} {hint}", message=message.error.message, hint=message.error.hint), severity="error")

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self._jobs.ended(message.name)
        if message.name == "delete":
            self._look()

    # What the keys do

    def action_number(self, number: int) -> None:
        """Go to it; Enter starts."""
        if self.seen is None:
            self._later.append(partial(self.action_number, number))
        elif number <= len(self.seen.profiles):
            self.query_one(RowTable).pick(self.seen.profiles[number - 1].name)

    @on(RowTable.Taken)
    def action_take(self) -> None:
        """Enter: home starts with it."""
        known = self._known()
        if known is None or known.trouble:
            return
        home = next(screen for screen in self.app.screen_stack if isinstance(screen, HomeScreen))
        home.post_message(ProfileChosen(known.name))
        while self.app.screen is not home:
            self.app.pop_screen()

    def action_edit(self) -> None:
        """The form of this row."""
        if self.seen is None:
            self._later.append(self.action_edit)
        known = self._known()
        if known is not None and known.profile is not None:
            self.app.push_screen(ProfileForm(known.name, own=known.own), self._edited)

    def action_add(self) -> None:
        """A new one, built on this row."""
        if self.seen is None:
            self._later.append(self.action_add)
        known = self._known()
        if known is not None and known.profile is not None:
            self.app.push_screen(ProfileForm(known.name, own=False), self._edited)

    def _edited(self, name: str | None) -> None:
        if name:
            self.gesso.tell(t("Saved: {name}", name=name))
            self._first = name
            self._look()

    def action_delete(self) -> None:
        """Only one's own, and after asking."""
        known = self._known()
        if known is None or not known.own:
            return
        choices = {"delete": t("Delete it"), "stay": t("Stay here")}
        question = t('Delete the profile "{name}"?', name=known.name)
        name = known.name

        def answered(choice: str | None) -> None:
            if choice == "delete":
                self._jobs.start("delete", lambda _: self._asks.delete(name))

        self.app.push_screen(LeaveScreen(question, choices, self.say), answered)


def _brief(profile: RunProfile) -> list[Text]:
    """What it says, in a few words."""
    found = [Text(each) for each in (profile.memory, profile.attention) if each]
    found += [t("port {port}", port=profile.port)] if profile.port else []
    found += [t("the local network")] if profile.listen else []
    found += [t("public link")] if profile.share else []
    found += [Text(profile.model)] if profile.model else []
    found += [Text(" ".join(masked(profile.flags)))] if profile.flags else []
    return found
