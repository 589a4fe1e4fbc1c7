"""A run profile as a form: every setting with what it does, and below it the command line that comes of it, live."""

from __future__ import annotations

from collections.abc import Container
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.suggester import SuggestFromList
from textual.timer import Timer
from textual.widgets import Input, Static

from launcher.core.errors import LauncherError
from launcher.core.profiles.run_profiles import RunProfile
from launcher.core.text import t
from launcher.tui.asks_profiles import FormSeen, Preview, ProfilesAsks
from launcher.tui.jobs import Jobs
from launcher.tui.messages import Done, Failed, Finished
from launcher.tui.profile_fields import BY_KEY, FIELDS, Field, inherited, profile_of, values_of
from launcher.tui.screens.ask import AskScreen, Question
from launcher.tui.screens.leave import LeaveScreen
from launcher.tui.speaking import KeyOf, SpeakingScreen
from launcher.tui.untrusted import plain
from launcher.tui.widgets.choice import Choice
from launcher.tui.widgets.command_pane import CommandPane

#: seconds after the last key until the command line is asked for again
_PAUSE = 0.25


class _Fields(VerticalScroll, inherit_bindings=False):
    """Follows the field that has the focus; up and down are the form's."""


class ProfileForm(SpeakingScreen["str | None"]):
    """Ends with the name it was saved under, or None."""

    heading = t("Run profile")
    about = (
        t("Every field that is not set is as the profile it is built on has it, and else as Gesso decides by itself."),
        t("Up and down go from field to field; left and right change a choice, Backspace takes it out."),
        t("Below stands the exact command line, passwords hidden, and what contradicts itself in it."),
    )
    keys = (
        KeyOf("ctrl+s", "save", t("Save"), "Ctrl+S"),
        KeyOf("f6", "save_as", t("Save as"), "F6"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    # Nothing can be written before the fields are filled.
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, name: str, *, own: bool) -> None:
        """`own`: the user's; what came with Gesso is saved under another name, built on it."""
        super().__init__()
        self._profile, self._own, self._jobs = name, own, Jobs(self)
        self._seen: FormSeen | None = None
        self._before: dict[str, str] = {}
        self._preview = Preview()
        self._timer: Timer | None = None
        self._then = ""

    def body(self) -> ComposeResult:
        """The fields, then what comes of them."""
        with _Fields(id="fields", can_focus=False):
            for field in FIELDS:
                with Horizontal(classes="field-row"):
                    yield Static(classes="label", id=f"label-{field.key}")
                    if field.choices:
                        yield Choice(id=f"field-{field.key}")
                    else:
                        yield Input(id=f"field-{field.key}", compact=True, password=field.secret)
                    yield Static(classes="does", id=f"does-{field.key}")
        yield CommandPane(id="command")

    def on_mount(self) -> None:
        """Nothing can be written before it is known what there is."""
        self._asks = self.gesso.ask(ProfilesAsks)
        super().on_mount()
        self._jobs.start("form", lambda _: self._asks.form(self._profile))

    def on_unmount(self) -> None:
        """The threads end."""
        self._jobs.cancel()

    def retell(self) -> None:
        """Labels, choices and what each does."""
        super().retell()
        for field in FIELDS:
            self.query_one(f"#label-{field.key}", Static).update(Content(self.say(field.label)))
            self.query_one(f"#does-{field.key}", Static).update(Content(self.say(field.does)))
        self._offer()
        self._explain()

    # What the fields hold

    @property
    def values(self) -> dict[str, str]:
        """As they are written now."""
        return {field.key: self._control(field).value for field in FIELDS}

    def _control(self, field: Field) -> Input | Choice:
        control = self.query_one(f"#field-{field.key}")
        assert isinstance(control, Input | Choice)  # noqa: S101 - made in `body`
        return control

    def _offer(self, values: dict[str, str] | None = None) -> None:
        """What can be chosen, and in empty fields what counts instead."""
        if self._seen is None:
            return
        now = values or self.values
        for field in FIELDS:
            control, parent = self._control(field), inherited(field, now, self._seen)
            otherwise = t("the first free one") if field.key == "port" else t("not set")
            blank = t("as built on: {value}", value=parent) if parent else otherwise
            if isinstance(control, Choice):
                choices = field.choices(self._seen) if field.choices else ()
                shown = [
                    (value, self.say(text)) for value, text in choices if value != self._profile or self._own is False
                ]
                control.offer([("", self.say(blank)), *shown], now[field.key])
            else:
                control.placeholder = plain(self.say(blank))
                if values is not None:
                    control.value = values[field.key]

    # What is said

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, FormSeen):
            self._seen = message.value
            own = message.value.own if self._own else RunProfile(extends=self._profile)
            self._before = values_of(own)
            self._offer(self._before)
            self.query_one("#field-model", Input).suggester = SuggestFromList(message.value.models)
            self._control(FIELDS[2]).focus()
            self._ask_preview()
        elif isinstance(message.value, Preview):
            self._preview = message.value
            self._explain()
        elif message.name == "save":
            self.dismiss(self._then)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self._preview = Preview(error=message.error)
        self._explain()

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self._jobs.ended(message.name)

    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self) -> None:
        self._offer_parents()
        if self._timer:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._ask_preview)

    def _offer_parents(self) -> None:
        """What is inherited follows the choice of what it is built on."""
        if isinstance(self.focused, Choice) and self.focused.id == "field-extends":
            self._offer()

    @on(DescendantFocus)
    def _explain(self) -> None:
        focused = self.focused.id if self.focused else None
        field = BY_KEY.get((focused or "").removeprefix("field-"))
        self.query_one(CommandPane).show(field, self._preview, self.say)

    def _ask_preview(self) -> None:
        if (given := self._given()) is None:
            return
        name = self._profile if self._own else self._suggestion()
        if not self._jobs.start("preview", lambda _: self._asks.preview(name, given)):
            self._timer = self.set_timer(_PAUSE, self._ask_preview)

    def _given(self) -> RunProfile | None:
        """What is written; None, and said, where it cannot be meant."""
        if self._seen is None:
            return None
        try:
            return profile_of(self.values)
        except LauncherError as error:
            self._preview = Preview(error=error)
            self._explain()
        return None

    # What the keys do

    def action_save(self) -> None:
        """Under its own name; what came with Gesso under another."""
        if self._own:
            self._save(self._profile)
        else:
            self.action_save_as()

    def action_save_as(self) -> None:
        """Under a name that is asked for."""
        hint = t("Letters and digits of any language.")
        question = Question(t("Save as"), hint, self._check_new, self._suggestion())
        self.app.push_screen(AskScreen(question, self.say), self._save)

    def _suggestion(self) -> str:
        return free_name(f"my-{self._profile}", self._seen.parents if self._seen else {})

    def _check_new(self, name: str) -> None:
        self._asks.check_name(name)
        if self._seen and name in self._seen.parents:
            message = t('There is a profile "{name}" already.', name=name)
            raise LauncherError("profile-exists", message, t("Choose another name."))

    def _save(self, name: str | None) -> None:
        given = self._given()
        if name and given is not None:
            self._then = name
            self._jobs.start("save", lambda _: self._asks.save(name, given))

    def action_back(self) -> None:
        """Esc: what was changed is not thrown away without asking."""
        if self._seen is None or self.values == self._before:
            self.dismiss(None)
            return
        choices = {"save": t("Save"), "leave": t("Leave it as it was"), "stay": t("Stay here")}
        self.app.push_screen(LeaveScreen(t("This profile has been changed."), choices, self.say), self._leave)

    def _leave(self, choice: str | None) -> None:
        if choice == "save":
            self.action_save()
        elif choice == "leave":
            self.dismiss(None)


def free_name(wish: str, taken: Container[str]) -> str:
    """`wish`, or with the first number that makes it free."""
    return next(name for name in (wish, *(f"{wish}-{n}" for n in range(2, 999))) if name not in taken)
