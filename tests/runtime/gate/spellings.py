"""Ways to spell a file that lies outside of where a server may look: more than 500 for each file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

#: what climbs to the parent folder, as one or another layer might read it
_UP = (
    *(
        "../",
        "..\\",
        "%2e%2e/",
        "%2e%2e%2f",
        "..%2f",
        "%2e./",
        ".%2e/",
        "..%5c",
        "%2e%2e%5c",
        "%252e%252e%252f",
        "..%252f",
    ),
    *("..%25252f", "%c0%ae%c0%ae/", "%c0%ae%c0%ae%c0%af", "..%c0%af", "..%c1%9c", "..%c0%9v", "%e0%80%ae%e0%80%ae/"),
    *(
        "%uff0e%uff0e/",
        "..%u2215",
        "..%u2216",
        "..／",
        "．．/",
        "．．／",
        "..∕",
        "..⁄",
        "..＼",
        "‥/",
        "..\u29f5",
        "..%ef%bc%8f",
    ),
    *(
        "....//",
        "....\\\\",
        "..../",
        "...//",
        ".../",
        "..;/",
        "..%00/",
        "..%0a/",
        "..%0d/",
        "..%09/",
        "..%20/",
        ".. /",
        "../ /",
    ),
    *(
        "..././",
        "..../\\",
        "./../",
        ".//../",
        "/../",
        "//../",
        "..//",
        "..///",
        "../.\\",
        "..\u200b/",
        "\u202e../",
        "..\x00/",
    ),
    *(
        "%2E%2E/",
        "%2E%2E%2F",
        "%%32%65%%32%65/",
        "%25%32%65%25%32%65%25%32%66",
        "&#46;&#46;/",
        "\\u002e\\u002e/",
        "..%2F",
    ),
)
#: how far up
_DEEP = (1, 3, 8)
#: what may stand before a path from the root
_ROOTED = (
    *(
        "",
        "/",
        "//",
        "///",
        "/./",
        "/../",
        "\\",
        "\\\\",
        "/\\",
        "%2f",
        "%5c",
        "%252f",
        "%00",
        " ",
        "\t",
        "\n",
        "\x00",
        "~/..",
        "~",
    ),
    *(
        "file:",
        "file:/",
        "file://",
        "file://localhost",
        "FILE://",
        "file:\\\\",
        "/file:",
        "file%3a//",
        "local:",
        "url:file://",
    ),
    *(
        "/proc/self/root",
        "/proc/self/cwd/../../../../../../..",
        "/proc/thread-self/root",
        "/dev/fd/../../proc/self/root",
        "/.",
    ),
    *(
        "C:",
        "c:/",
        "C:\\",
        "/C:",
        "\\\\?\\",
        "\\\\?\\C:\\",
        "\\\\.\\",
        "//?/",
        "//./",
        "\\??\\",
        "\\\\localhost\\c$",
        "//localhost/c$",
    ),
    *(
        "\\\\127.0.0.1\\c$\\",
        "//127.0.0.1",
        "smb://127.0.0.1",
        "http://127.0.0.1",
        "data:,",
        "jar:file://",
        "@",
        "=",
        "$HOME/../..",
    ),
    *("%SYSTEMDRIVE%", "${HOME}/../..", "`", "|cat ", "<", ">", "\ufeff", "\u2044", "．", "-"),
)
#: what may stand behind a name without being of it
_BEHIND = (
    *(
        "",
        "/",
        "//",
        "/.",
        "/..",
        ".",
        "..",
        " ",
        "%20",
        "...",
        ". .",
        "\\",
        "%00",
        "\x00",
        "%00.png",
        "\x00.png",
        "?",
        "?.png",
        "#",
    ),
    *(
        "#.png",
        "%23.png",
        ";.png",
        ";x=1",
        "%0a",
        "\n",
        "%0d%0a",
        "::$DATA",
        ":$DATA",
        ":stream",
        "::$INDEX_ALLOCATION",
        "/x/..",
    ),
    *(
        "/./",
        "%2f",
        "%5c",
        "%",
        "%ff",
        "\ud800",
        "\u202e",
        "\u200b",
        "~1",
        "*",
        "?.*",
        "|",
        '"',
        "'",
        "&",
        "%26",
        "[0]",
        "{,}",
    ),
)
_DEVICES = (
    *(
        "CON",
        "con.png",
        "PRN",
        "AUX.txt",
        "NUL",
        "nul.",
        "COM1",
        "COM¹",
        "LPT9",
        "LPT³.x",
        "CONIN$",
        "CONOUT$",
        "CLOCK$",
        "aux:",
    ),
    *("/dev/zero", "/dev/random", "/dev/stdin", "/dev/fd/0", "/dev/tty", "/proc/self/environ", "/proc/self/cmdline"),
    *("/proc/self/mem", "/proc/self/fd/0", "/proc/1/environ", "\\\\.\\pipe\\x", "\\\\.\\PhysicalDrive0", "/dev/full"),
)


def spellings(secret: Path, inside: Path) -> list[str]:
    """Every spelling once. `secret` lies outside, `inside` is a folder that may be looked into.

    `inside` should hold what `leave_ways` leaves there.
    """
    return list(dict.fromkeys(_all(secret, inside)))


def leave_ways(secret: Path, inside: Path) -> None:
    """Links inside that lead out: to the file, to its folder, over another link, to nowhere, in a circle."""
    ways = {
        "way": secret.parent,
        "way.png": secret,
        "way.safetensors": secret,
        "over": inside / "way",
        "circle": inside / "circle",
        "nowhere": inside / "not-there",
        ".hidden": secret,
    }
    inside.mkdir(parents=True, exist_ok=True)
    for name, target in ways.items():
        (inside / name).symlink_to(target)


def _all(secret: Path, inside: Path) -> Iterator[str]:
    plain, name = secret.as_posix(), secret.name
    rootless = plain.lstrip("/")
    for prefix in _ROOTED:
        yield prefix + plain
        yield prefix + rootless
    for up in _UP:
        for deep in _DEEP:
            yield up * deep + rootless
        yield "/" + up * 8 + rootless
        yield f"{inside.as_posix()}/{up * 8}{rootless}"
        yield f"model/{up * 9}{rootless}"
    for behind in _BEHIND:
        yield plain + behind
        yield f"{inside.as_posix()}/way/{name}{behind}"
    yield from _links(secret, inside)
    yield from _cases(plain, inside)
    yield from _DEVICES
    yield from (f"{inside.as_posix()}/{device}" for device in _DEVICES[:14])
    yield from _long(plain, inside)


def _links(secret: Path, inside: Path) -> Iterator[str]:
    name = secret.name
    for start in ("", f"{inside.as_posix()}/", "./", "models/../"):
        for way in ("way", "over", "circle", "nowhere"):
            yield f"{start}{way}/{name}"
            yield f"{start}{way}/../{secret.parent.name}/{name}"
        yield from (f"{start}{way}" for way in ("way.png", "way.safetensors", ".hidden", "way", "over/", "way."))


def _cases(plain: str, inside: Path) -> Iterator[str]:
    yield from (plain.upper(), plain.swapcase(), plain.title(), plain.replace("/", "\\"), plain.replace("/", "//"))
    yield from (
        plain.replace("/", "/./"),
        plain.replace("/", "%2f"),
        quote(plain, safe=""),
        quote(quote(plain, safe=""), safe=""),
    )
    yield from (
        plain.replace("/", "\u2215"),
        plain.replace("/", "\uff0f"),
        plain.replace("/", ":"),
        f'"{plain}"',
        f"'{plain}'",
    )
    yield "".join(f"%{letter:02x}" for letter in plain.encode())
    yield "".join(f"%25{letter:02x}" for letter in plain.encode())
    yield from (f"{inside.as_posix()}/../{plain}", f"{inside.as_posix()}{plain}", f"{inside.as_posix()}/{plain}")
    yield f"{inside.as_posix().upper()}/way/x"
    yield from (
        f"{inside.as_posix()}2/../{plain}",
        f"{inside.as_posix()}\\..\\{plain}",
        f"{inside.as_posix()} /../{plain}",
    )


def _long(plain: str, inside: Path) -> Iterator[str]:
    for count in (50, 500, 2000):
        yield "./" * count + plain.lstrip("/")
        yield "/." * count + plain
        yield "/" * count + plain.lstrip("/")
        yield f"{inside.as_posix()}/" + "a/../" * count + ".." + plain
        yield "../" * count + plain.lstrip("/")
    yield "a" * 255 + "/.." * 3 + plain
    yield "a" * 5000
    yield plain + "a" * 5000
