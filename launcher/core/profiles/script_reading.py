"""What a start script of an old install would set, read without running it: `webui-user.sh` and `webui-user.bat`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: larger is no start script
_LARGEST = 1 << 20
#: characters of a line and of a value, as cmd has it; without an end, values made of values would fill the memory
_LONGEST = 8191
_SH_WORD = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<more>\+?)=")
_SH_NAME = re.compile(r"[A-Za-z_]\w*")
_BAT_SET = re.compile(r"@?\s*set\s+(?![/])(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_BAT_NOISE = re.compile(
    r"@?\s*(echo\b.*|echo\.|rem\b.*|::.*|:\w+.*|setlocal\b.*|endlocal|pause|title\b.*|chcp\b.*|cls|color\b.*)",
    re.IGNORECASE,
)
#: after these nothing of the script is done any more
_BAT_END = re.compile(r"@?\s*(exit\b.*|goto\s+:eof\b.*|(call\s+)?(\"?[^\"]*[\\/])?webui\.bat\"?.*)", re.IGNORECASE)
_SH_END = re.compile(r"(exit|exec|return)\b|(\S*/|(ba)?sh\s+\S*/?)webui\.sh\b")
_BAT_LABEL, _BAT_GOTO = re.compile(r":\s*[^:\s]+"), re.compile(r"\bgoto\b", re.IGNORECASE)
#: what opens and closes a part of a shell script that is not done in any case, and what begins a command there
_SH_OPENS = re.compile(r"(if|case|for|while|until|select)\b|(function\s+)?[\w-]+\s*\(\)|(function\s+[\w-]+\s*)?\{")
_SH_CLOSES, _SH_WITHIN = re.compile(r"(fi|esac|done)\b|\}"), re.compile(r"\A(?:(then|else|do)\s+|[^\s()]+\)\s*)")
_HERE = re.compile(r"(?<!<)<<-?\s*['\"]?(\w+)")


@dataclass(frozen=True)
class Setting:
    """`name` is set to `value` in line `line`."""

    name: str
    value: str
    line: int


@dataclass(frozen=True)
class Sometimes:
    """`name` is set in line `line`, if the script comes there at all."""

    name: str
    line: int


@dataclass(frozen=True)
class Left:
    """A line that does something which is not done here."""

    text: str
    line: int

    @property
    def begun(self) -> str:
        """Its first word alone: in the others, and behind "=", there may be passwords."""
        first = re.split(r"[\s=:]", self.text, maxsplit=1)[0][:40]
        return first if first == self.text else f"{first} …"


Found = Setting | Left | Sometimes


def read_text(file: Path) -> str:
    """The script's text, whatever system wrote it: UTF-8 or UTF-16 with their marks, UTF-8, else Chinese Windows' GBK.

    Raises OSError; ValueError for what is no text.
    """
    with file.open("rb") as opened:
        data = opened.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError("too large")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("gb18030", "replace")
    if "\0" in text:
        raise ValueError("no text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_sh(text: str) -> Iterator[Found]:
    """Assignments that are made in any case, with or without `export`, values put in where they are known; the rest
    is left.
    """
    known: dict[str, str] = {}
    depth, here = 0, ""
    for number, line in _joined(text, "\\"):
        if here:
            here = "" if line == here else here
            continue
        if len(line) > _LONGEST:
            yield Left(line, number)
            continue
        for command, after_another in _commands(line):
            depth += bool(_SH_OPENS.match(command))
            if not depth and not after_another and _SH_END.match(command):
                return
            inner = _SH_WITHIN.sub("", command, count=1) if depth else command
            for found in _sh_command(inner, number, known):
                yield _known_or_sometimes(found, known, certain=not depth and not after_another)
            depth = max(0, depth - bool(_SH_CLOSES.match(command)))
        begun = _HERE.search(line)
        here = begun[1] if begun else ""


def read_bat(text: str, folder: str) -> Iterator[Found]:
    """`set` lines that are reached in any case, %NAME% put in where it is known and %~dp0 as `folder`; the rest is
    left.
    """
    known: dict[str, str] = {}
    depth, jumps, branch = 0, False, False
    for number, line in _joined(text, "^"):
        if len(line) > _LONGEST:
            yield Left(line, number)
            continue
        branch = branch or (jumps and _BAT_LABEL.match(line) is not None)
        jumps = jumps or _BAT_GOTO.search(line) is not None
        depth -= line.startswith(")")
        for command in _bat_commands(line):
            if not depth and not branch and _BAT_END.fullmatch(command):
                return
            found = None if _BAT_END.fullmatch(command) else _bat_command(command, number, known, folder)
            if found is not None:
                yield _known_or_sometimes(found, known, certain=not depth and not branch, capitals=True)
        depth = max(0, depth + line.endswith("("))


def _known_or_sometimes(
    found: Setting | Left, known: dict[str, str], *, certain: bool, capitals: bool = False
) -> Found:
    if isinstance(found, Left):
        return found
    if len(found.value) > _LONGEST:
        return Left(f"{found.name} = …", found.line)
    if not certain:
        return Sometimes(found.name, found.line)
    known[found.name.upper() if capitals else found.name] = found.value
    return found


def _joined(text: str, mark: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers; one that ends in `mark` goes on in the next, unless it is a comment."""
    start, held = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        start = start if held else number
        comment = not held and line.lstrip().lower().startswith(("#", "rem ", "::"))
        if line.endswith(mark) and not comment:
            held += line[:-1] or " "
            continue
        if (held + line).strip():
            yield start, (held + line).strip()
        held = ""
    if held.strip():
        yield start, held.strip()


def _commands(line: str) -> Iterator[tuple[str, bool]]:
    """The commands of a shell line between `;`, `&&` and the like that stand outside quotes, and whether one depends on
    the one before; a comment ends it.
    """
    quote, command, before, depends = "", "", " ", False
    position = 0
    while position < len(line):
        letter = line[position]
        if letter == "\\" and quote != "'":
            command += line[position : position + 2]
            position += 2
            before = "x"
            continue
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "#" and before.isspace():
            break
        elif letter in ";&|":
            yield command.strip(), depends
            depends = letter != ";"
            command, letter = "", ""
        command += letter
        before = letter or " "
        position += 1
    yield command.strip(), depends


def _sh_command(command: str, line: int, known: dict[str, str]) -> Iterator[Setting | Left]:
    if not command:
        return
    words = _sh_words(command, known)
    if words is None:
        yield Left(command, line)
        return
    exporting = words[0][0] in ("export", "declare", "typeset", "local", "readonly")
    words = words[1:] if exporting else words
    words = [word for word in words if not (exporting and word[0].startswith("-"))]
    named = [(found, word) for word in words if (found := _SH_WORD.match(word[0])) and not word[1]]
    if len(named) < len(words) and not (exporting and all(_SH_NAME.fullmatch(word[0]) or _SH_WORD.match(word[0])
                                                         for word in words)):  # fmt: skip
        yield Left(command, line)  # a program, perhaps with variables of its own
        return
    for found, (text, _) in named:
        name = found["name"]
        before = known.get(name, "") if found["more"] else ""
        yield Setting(name, before + text[found.end() :], line)


def _sh_words(command: str, known: dict[str, str]) -> list[tuple[str, bool]] | None:
    """Words without their quotes, and whether the first letter was quoted; None for what only a shell could say."""
    words: list[tuple[str, bool]] = []
    word, quote, begun, quoted, position = "", "", False, False, 0
    while position < len(command):
        letter = command[position]
        if quote == "'" and letter != "'":
            word += letter
        elif letter == "`" or command[position : position + 2] == "$(":
            return None
        elif letter == "\\":
            position += 1
            following = command[position : position + 1]
            word += following if not quote or following in '"\\$`' else "\\" + following
            begun = True
        elif letter in "'\"" and quote in ("", letter):
            quoted = quoted or (not word and not begun)
            quote, begun = ("" if quote else letter), True
        elif letter == "$":
            value, position = _variable(command, position, known)
            word, begun = word + value, True
        elif letter.isspace() and not quote:
            if begun:
                words.append((word, quoted))
            word, begun, quoted = "", False, False
        else:
            word, begun = word + letter, True
        position += 1
    return None if quote else [*words, *([(word, quoted)] if begun else [])]


def _variable(command: str, position: int, known: dict[str, str]) -> tuple[str, int]:
    """The value of `$NAME` or `${NAME}` at `position`, and where it ends; what is not known stays as it is written."""
    found = re.compile(r"\$(?:\{(\w+)\}|(\w+))").match(command, position)
    if not found:
        return "$", position
    name = found[1] or found[2]
    return known.get(name, "" if name == "COMMANDLINE_ARGS" else found[0]), found.end() - 1


def _bat_commands(line: str) -> Iterator[str]:
    """The commands of a line between `&`; quotes protect it, as does a caret."""
    quoted, command, position = False, "", 0
    while position < len(line):
        letter = line[position]
        if letter == "^" and not quoted:
            position += 1
            command += line[position : position + 1]
        elif letter == "&" and not quoted:
            yield command.strip()
            command = ""
        else:
            quoted = quoted != (letter == '"')
            command += letter
        position += 1
    yield command.strip()


def _bat_command(command: str, line: int, known: dict[str, str], folder: str) -> Setting | Left | None:
    command = command.strip("() \t") if command.startswith("(") else command
    if not command or _BAT_NOISE.fullmatch(command):
        return None
    found = _BAT_SET.fullmatch(command)
    if not found:
        return Left(command, line)
    rest = found["rest"].strip()
    if rest.startswith('"') and '"' in rest[1:]:
        rest = rest[1 : rest.rindex('"')]
    name, equals, value = rest.partition("=")
    if not equals or not name.strip():
        return None  # `set NAME` only prints
    return Setting(name.strip(), _expanded(value.strip(), known, folder), line)


def _beside(folder: str, path: str) -> str:
    """`path` in the script's folder, which on another system than Windows is written with slashes."""
    if folder.startswith("/"):
        return f"{folder.rstrip('/')}/" + path.replace("\\", "/").lstrip("/")
    return folder.rstrip("\\/") + "\\" + path.lstrip("\\/")


def _expanded(value: str, known: dict[str, str], folder: str) -> str:
    value = re.sub(
        r'(?<=")%~dp0([^"]*)|%~dp0([^\s"]*)', lambda found: _beside(folder, found[1] or found[2] or ""), value
    )

    def put(found: re.Match[str]) -> str:
        return known.get(found[1].upper(), "" if found[1].upper() == "COMMANDLINE_ARGS" else found[0])

    return re.sub(r"%([^%\s]+)%", put, value).replace("%%", "%")
