"""The models: what lies in the workspace and in linked installs, what is wrong with it, and what can be done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Input, Static

from launcher.amounts import in_bytes
from launcher.core.errors import LauncherError
from launcher.core.models.entry import Library, Model
from launcher.core.text import Text, t
from launcher.model_words import of_verdict
from launcher.tui.asks_models import ModelsAsks
from launcher.tui.messages import Done
from launcher.tui.models_table import Shown, columns, details, lines, next_order
from launcher.tui.screens.ask import Question
from launcher.tui.speaking import KeyOf
from launcher.tui.untrusted import plain
from launcher.tui.widgets.row_table import RowTable
from launcher.tui.widgets.work_line import WorkLine
from launcher.tui.working import WorkingScreen


class ModelsScreen(WorkingScreen):
    """A table over what is known of the model under the cursor."""

    heading = t("Models")
    about = (
        t("Every model in the workspace and in linked installs, judged by its content: kind, family, precision, "
          "what is broken, misplaced or there twice. No file is changed by looking."),
        t("Type / and a part of a name, a kind, a family, a trigger word or a hash to see only what fits."),
        t("A model is added by its address (Hugging Face, ModelScope, Civitai, any other) or its file; another "
          "program's install (AUTOMATIC1111, Forge, ComfyUI) is used where it lies, without copying."),
    )  # fmt: skip
    keys = (
        KeyOf("slash", "filter", t("Filter")),
        KeyOf("s", "order", t("Sort")),
        KeyOf("d", "catalogue", t("Download")),
        KeyOf("a", "add", t("Add")),
        KeyOf("v", "verify", t("Verify")),
        KeyOf("x", "convert", t("Convert"), in_line=False),
        KeyOf("h", "hash", t("Hash what has no hash"), in_line=False),
        KeyOf("i", "link", t("Use another install"), in_line=False),
        KeyOf("u", "unlink", t("Use a linked install no longer"), in_line=False),
        KeyOf("r", "look", t("Look again"), in_line=False),
        KeyOf("c", "cancel", t("Cancel")),
    )
    shown: reactive[Shown] = reactive(Shown(), init=False)

    def body(self) -> ComposeResult:
        """Filter, table, details, work."""
        yield Input(id="filter", compact=True)
        yield RowTable(id="models")
        with VerticalScroll(id="model"):
            yield Static(id="details")
        yield Static(id="sum")
        yield WorkLine()

    def on_mount(self) -> None:
        """Look at once."""
        self._asks = self.gesso.ask(ModelsAsks)
        self.query_one("#filter").display = False
        super().on_mount()
        self.query_one(RowTable).focus()
        self.action_look()

    def on_resize(self) -> None:
        """The names take what room there is."""
        self._redraw()

    def watch_shown(self) -> None:
        """Another library, filter or order."""
        self._redraw()

    def retell(self) -> None:
        """The table's words too."""
        super().retell()
        self.query_one("#filter", Input).placeholder = self.say(t("a part of a name, a kind, a family, a word, a hash"))
        self._redraw()

    def meaning(self, key: KeyOf) -> Text | None:
        """Only one work at a time."""
        busy = self.busy
        if key.action == "cancel":
            return key.meaning if busy else None
        if key.action in ("verify", "convert", "hash", "add", "link", "unlink", "look"):
            return None if busy or (key.action in ("verify", "convert") and self._picked is None) else key.meaning
        return key.meaning

    @property
    def _picked(self) -> Model | None:
        path = self.query_one(RowTable).picked
        return next((model for model in self.shown.library.models if str(model.path) == path), None)

    def _redraw(self) -> None:
        models = self.shown.models
        table = self.query_one(RowTable)
        table.show(columns(self.say, self.size.width), lines(models, self.say))
        table.border_title = self.say(self.shown.order_said)
        size, library = sum(model.size for model in models), self.shown.library
        said = self.say(t("{count} of {all} models, {size}", count=len(models), all=len(library.models),
                          size=in_bytes(size)))  # fmt: skip
        if library.wasted:
            said += "  " + self.say(t("{size} lie there twice", size=in_bytes(library.wasted)))
        said += "  " + self.say(t("and the demo model, which came with Gesso"))
        self.query_one("#sum", Static).update(Content(said if self.shown.known else ""))
        self._redraw_details()

    @on(RowTable.Moved)
    def _redraw_details(self) -> None:
        model = self._picked
        said = [plain(line) for line in details(model, self.say)] if model else [self.say(self._empty())]
        self.query_one("#details", Static).update(Content("\n".join(said)))
        self.rekey()

    def _empty(self) -> Text:
        if "look" in self.jobs.running:
            return t("Looking …")
        if not self.shown.known:
            return t("not known")
        if self.shown.library.models:
            return t("Nothing fits the filter.")
        return t("There are no models of yours yet: d shows some to begin with, a adds one.")

    # What the jobs say

    @on(Done)
    def _done(self, message: Done) -> None:
        line, value = self.line, message.value
        if isinstance(value, Library):
            self.shown = replace(self.shown, library=value, known=True)
            line.pause(self.say)
            return
        match message.name:
            case "verify":
                line.end(self.say, *map(of_verdict, value))
            case "convert":
                line.end(self.say, t("Converted: {file}", file=value))
            case "add":
                line.end(self.say, t("It lies in {file} now.", file=value.path))
            case "link":
                line.end(self.say, t("{folder} is used from the next start on.", folder=value.root))
            case "unlink":
                line.end(self.say, t("{folder} is used no longer.", folder=value))

    def ended(self, name: str) -> None:
        """Look again where files have changed."""
        self._redraw_details()
        if name in ("verify", "convert", "add", "link", "unlink"):
            self.jobs.start("look", self._asks.look)

    # What the keys do

    def action_look(self) -> None:
        """Read the folders again."""
        self.begin("look", t("Looking …"), self._asks.look)

    def action_hash(self) -> None:
        """May take long; what was hashed is kept."""
        library = self.shown.library
        self.begin("hash", t("Hashing …"), lambda cancel: self._asks.hash(library, cancel))

    def action_verify(self) -> None:
        """The model under the cursor."""
        if model := self._picked:
            self.begin("verify", t("Verifying {name} …", name=model.name), lambda c: self._asks.verify([model], c))

    def action_convert(self) -> None:
        """A pickle as safetensors; the original stays."""
        if model := self._picked:
            self.begin("convert", t("Converting {name} …", name=model.name), lambda c: self._asks.convert(model, c))

    def action_order(self) -> None:
        """By the next column."""
        self.shown = replace(self.shown, order=next_order(self.shown.order))

    def action_catalogue(self) -> None:
        """What can be downloaded."""
        from launcher.tui.screens.catalogue import CatalogueScreen

        self.app.push_screen(CatalogueScreen(), lambda _: self.action_look())

    def action_add(self) -> None:
        """Asks for an address or a path."""
        hint = t("The address of its page or file, or a path on this computer. The original stays where it is.")
        question = Question(t("Add a model"), hint, _named, example="https://huggingface.co/…")
        self.ask_for(question, lambda source: self.begin("add", t("Adding …"), lambda c: self._asks.add(source, c)))

    def action_link(self) -> None:
        """Asks for a folder."""
        hint = t("The folder of an AUTOMATIC1111, Forge or ComfyUI, or of a package that holds one. Its models and "
                 "settings are used where they lie; nothing there is changed.")  # fmt: skip
        question = Question(t("Use another install"), hint, _folder)
        self.ask_for(question, lambda folder: self.begin("link", t("Linking …"), lambda _: self._asks.link(folder)))

    def action_unlink(self) -> None:
        """Asks for a folder that is linked."""
        question = Question(t("Use a linked install no longer"), t("Its folder; its files stay as they are."), _named)
        self.ask_for(
            question, lambda folder: self.begin("unlink", t("Unlinking …"), lambda _: self._asks.unlink(folder))
        )

    def action_filter(self) -> None:
        """Type, Enter goes back to the table, Esc shows everything again."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    @on(Input.Changed, "#filter")
    def _typed(self, message: Input.Changed) -> None:
        self.shown = replace(self.shown, needle=message.value)

    @on(Input.Submitted, "#filter")
    def _typed_all(self) -> None:
        self.query_one(RowTable).focus()

    def action_back(self) -> None:
        """Out of the filter first."""
        field = self.query_one("#filter", Input)
        if field.display:
            field.value = ""
            field.display = False
            self.query_one(RowTable).focus()
        else:
            super().action_back()


def _named(written: str) -> None:
    if not written:
        raise LauncherError("nothing-written", t("Nothing is written yet."), t("Write something, or press Esc."))


def _folder(written: str) -> None:
    _named(written)
    if not Path(written).expanduser().is_dir():
        raise LauncherError("no-such-folder", t("There is no such folder."), t("Write the whole path of a folder."))
