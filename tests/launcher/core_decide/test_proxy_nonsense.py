"""Whatever is written where a proxy belongs: it is understood, or refused in words, and nothing else happens."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from launcher.core.errors import LauncherError
from launcher.core.hardware.mac_cards import listed_cards
from launcher.core.hardware.windows_cards import adapters
from launcher.core.network.proxy_settings import from_environment, from_gnome, from_kde, from_macos, from_windows
from launcher.core.proxy_address import masked, repaired
from launcher.core.proxy_bypass import exported, passes_by, split

#: with the pieces that addresses are made of, so that more than noise comes about
PIECES = st.lists(
    st.sampled_from(["http", "socks", "://", ":", "//", "@", "127.0.0.1", "[::1]", "7890", "99999", "/", "#", "%",
                     " ", ".pac", "用户", "：", "\n", "\\", "=", ";", "host", "*", ",", "'", "{", "\x00", "\ud800"]),
    max_size=8,
).map("".join)  # fmt: skip
TEXT = st.one_of(PIECES, st.text(max_size=40))


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_a_proxy_is_repaired_for_good_or_refused(text: str) -> None:
    code = None
    try:
        found = repaired(text)
    except LauncherError as error:
        code = error.code
    else:
        assert found.isascii()
        assert repaired(found) == found
    assert code in (None, "proxy-not-usable")
    assert isinstance(masked(text), str)


@settings(max_examples=300, deadline=None)
@given(TEXT, TEXT)
def test_every_list_of_exceptions_is_read(url: str, rules: str) -> None:
    assert passes_by(f"https://example.com/{url.encode('ascii', 'ignore').decode()}", split(rules)) in (True, False)
    assert "127.0.0.1" in exported(split(rules)).split(",")


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_every_source_may_say_anything(text: str) -> None:
    for found in (
        from_environment({"http_proxy": text, "no_proxy": text}),
        from_windows({"ProxyEnable": 1, "ProxyServer": text, "ProxyOverride": text, "AutoConfigURL": text}),
        from_gnome(f"org.gnome.system.proxy mode 'manual'\norg.gnome.system.proxy.http host {text}\n{text}"),
        from_kde(f"[Proxy Settings]\nProxyType=1\nhttpProxy={text}\n{text}", {}),
        from_macos(f"HTTPEnable : 1\nHTTPProxy : {text}\n{text}"),
    ):
        assert found.http is None or found.http.isascii()
    assert adapters(text) == ()
    assert listed_cards(text) == ()
