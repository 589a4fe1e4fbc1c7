"""The address of a proxy as people and systems write it, made into one that libraries understand, or refused. Pure."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from urllib.parse import quote

from launcher.core.errors import LauncherError
from launcher.core.text import Text, t
from launcher.core.web_address import shown

#: what requests (with PySocks), uv and git understand; socks5h and socks4a leave the look-up of names to the proxy
SCHEMES = ("http", "https", "socks5h", "socks5", "socks4a", "socks4")
#: what httpx understands without a further package; with any other it fails as soon as Gradio is imported
PLAIN = ("http", "https")
#: "socks" says no version: every proxy program of today speaks 5, and names looked up at home may be forged
_OTHER_NAMES = {"socks": "socks5h", "sock5": "socks5h", "sock": "socks5h", "socks5a": "socks5h"}
#: addresses of servers that a program on this computer talks to, not of proxies
_SUBSCRIPTIONS = ("vmess", "vless", "ss", "ssr", "trojan", "hysteria", "hysteria2", "hy2", "tuic", "clash", "wireguard")
_SUBSCRIPTION = re.compile(rf"\b({'|'.join(_SUBSCRIPTIONS)})://\S*", re.IGNORECASE)
_BEFORE_HOST = re.compile(r"\A((?:[a-z][a-z0-9+.\-]*://)?).*[@＠]", re.IGNORECASE | re.DOTALL)
_NO_PORT = re.compile(
    r"\A((?:[a-z][a-z0-9+.\-]*://)?[^:：\[]*[:：])(?![\d.:/]*\Z|//)(?!.*\*\*\*).+", re.IGNORECASE | re.DOTALL
)
_PARTS = re.compile(r"(?:(?P<scheme>[a-z][a-z0-9+.\-]*)://)?(?:(?P<user>.*)@)?(?P<rest>[^/@]*)/*", re.IGNORECASE)
_PLACE = re.compile(r"(?P<host>\[[0-9a-f:.%]+\]|[^\s:\[\]]+)(?::0*(?P<port>\d+))?", re.IGNORECASE)


def repaired(text: str) -> str:
    """ "127.0.0.1:7890" is http://127.0.0.1:7890, "socks://…" is socks5h://…; a Chinese colon is a colon.

    LauncherError `proxy-not-usable` says of anything else why it is no proxy.
    """
    user, at, place = text.strip().strip("\"'").strip().rpartition("@")
    # A keyboard in Chinese mode types full-width colons, digits and full stops; a password may mean them.
    written = user + at + unicodedata.normalize("NFKC", place).replace("。", ".")
    _refuse_script(written)
    parts = _PARTS.fullmatch(written)
    if parts is None:
        raise refused(text, t("it is not of the form http://host:port"))
    scheme = (parts["scheme"] or "http").lower()
    scheme = _OTHER_NAMES.get(scheme, scheme)
    if scheme in _SUBSCRIPTIONS:
        why = t("it names a server for a program such as Clash or V2Ray: start that program and give its local address")
        raise refused(text, why)
    if scheme not in SCHEMES:
        raise refused(
            text, t("{scheme} is no kind of proxy; there are {known}", scheme=scheme, known=", ".join(SCHEMES))
        )
    return f"{scheme}://{_credentials(text, parts['user'])}{_place(text, parts['rest'])}"


def refused(text: str, why: Text) -> LauncherError:
    """The failure for a proxy written as `text`; a password in it is not repeated."""
    return LauncherError(
        "proxy-not-usable",
        t('The proxy "{proxy}" cannot be used: {why}.', proxy=masked(text), why=why),
        t("Correct it where it was set, or give Gesso another with `gesso proxy set http://127.0.0.1:7890`."),
    )


def masked(text: str) -> str:
    """`text` with *** for a name and password, however it is written."""
    # of a server's address all is a key
    plain = _SUBSCRIPTION.sub(r"\1://***", text.strip())
    plain = _BEFORE_HOST.sub(r"\1***@", plain)
    # what is no port may be a password whose host went missing
    return shown(_NO_PORT.sub(r"\1***", plain))


def is_plain(url: str) -> bool:
    """Does every library understand it, httpx too?"""
    return url.partition("://")[0] in PLAIN


def _refuse_script(written: str) -> None:
    lowered = written.lower()
    if lowered.startswith(("pac+", "file:")) or re.search(r"\.(pac|dat)/*(\?.*)?$", lowered):
        raise refused(written, t("it is a configuration script (PAC), which Gesso does not run; give the proxy itself"))


def _credentials(text: str, user: str | None) -> str:
    """Signs that would end the address early are written as %XX; what is written so already stays."""
    if not user:
        return ""
    name, colon, password = user.partition(":")
    try:
        # Bytes of a variable that are no UTF-8 stay the bytes they are.
        name, password = (quote(each, safe="%", errors="surrogateescape") for each in (name, password))
    except UnicodeEncodeError:
        raise refused(text, t("its name or password cannot be written")) from None
    return f"{name}{colon}{password}@"


def _place(text: str, rest: str) -> str:
    place = _PLACE.fullmatch(rest)
    if place is None:
        raise refused(text, t("it names no host"))
    host = place["host"].lower()
    if host.isdigit() and place["port"] is None:
        raise refused(text, t("a number alone is no address; if it is a port: 127.0.0.1:{port}", port=host))
    try:
        if host.startswith("["):
            ipaddress.IPv6Address(host[1:-1])
        elif not host.isascii():
            host = host.encode("idna").decode("ascii")
    except ValueError:
        raise refused(text, t("it names no host")) from None
    if not re.fullmatch(r"\[.+\]|[a-z0-9._\-]+", host):
        raise refused(text, t("it names no host"))
    if place["port"] is None:
        return host
    # of more digits than a port has, Python refuses to make a number
    if len(place["port"]) > 5 or not 0 < int(place["port"]) < 65536:
        raise refused(text, t("a port is a number from 1 to 65535"))
    return f"{host}:{int(place['port'])}"
