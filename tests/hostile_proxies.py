"""More than 300 proxies as people, systems and attackers write them; a password in one of them is SECRET."""

# ruff: noqa: E501 - tables

from __future__ import annotations

from collections.abc import Iterator

SECRET = "s3cr3tW0rd"
_SCHEMES = (
    "", "http://", "https://", "HTTP://", "socks://", "socks4://", "socks4a://", "socks5://", "socks5h://", "SOCKS5H://",
    "sock5://", "http:/", "http:", "http//", "//", "://", "ftp://", "quic://", "direct://", "PROXY ", "SOCKS5 ", "http：//",
)  # fmt: skip
_PLACES = (
    "127.0.0.1:7890", "localhost:1080", "proxy.example:8080", "proxy.example", "[::1]:7890", "[fe80::1%25eth0]:80",
    "10.0.0.1:3128/",
)  # fmt: skip
_USERS = (
    f"user:{SECRET}@", f"user:{SECRET}%40x@", f"user:{SECRET}@x@", f":{SECRET}@", f"us er:{SECRET} x@", f"用户:{SECRET}密@",
    f"user:{SECRET}/x@", f"user:{SECRET}#x@", f"user:{SECRET}?x@", f"user:{SECRET}\\x@", f"user:{SECRET}[x]@", f"a:b:{SECRET}@",
    f"DOMAIN\\user:{SECRET}@", f"user:{SECRET}：@", f"user:{SECRET}&x=1;y@", f"user:{SECRET}\"'@", f"user:%zz{SECRET}@",
)  # fmt: skip
_PLAIN = (
    "", " ", "\t", "none", "None", "NONE", "no", "off", "direct", "DIRECT", "auto", "system", "0", "1", "true", "null", "-", "*",
    "7890", ":7890", "127.0.0.1", "127.0.0.1：7890", "127。0。0。1：7890", "１２７.0.0.1:7890", "127.0.0.1:７８９０", "127.0.0.1；7890",
    "127.0.0.1,7890", "127.0.0.1 7890", "127.0.0.1:7890 ", " 127.0.0.1:7890", "'127.0.0.1:7890'", '"127.0.0.1:7890"',
    "“127.0.0.1:7890”", "`127.0.0.1:7890`", "<127.0.0.1:7890>", "(127.0.0.1:7890)", "http://127.0.0.1:7890;", "127.0.0.1:7890,",
    "127.0.0.1:0", "127.0.0.1:65535", "127.0.0.1:65536", "127.0.0.1:99999", "127.0.0.1:-1", "127.0.0.1:+80", "127.0.0.1:0x50",
    "127.0.0.1:80a", "127.0.0.1:" + "9" * 5000, "127.0.0.1:" + "0" * 50 + "80", "127.0.0.1:８0", "127.0.0.1:²", "127.0.0.1:80:80",
    "127.0.0.1:7890/path", "127.0.0.1:7890?x=1", "127.0.0.1:7890#x", "127.0.0.1:7890//", "127.0.0.1:", "http://:80", "http://",
    "http:///", "https://", "http://[", "http://]", "http://[]", "http://[]:80", "http://[::1", "http://::1:80", "::1", "::1:7890",
    "[::1]", "[::ffff:127.0.0.1]:80", "[::..1]:80", "[fe80::1%eth0]:80", "[2001:db8::1]:3128", "[1.2.3.4]:80", "[:::]:80", "[x]:80",
    "2130706433:80", "0x7f000001:80", "017700000001:80", "127.1:80", "0:80", "256.256.256.256:80", "1.2.3.4.5:80", "a..b:80",
    ".a:80", "a.:80", "-a:80", "a_b:80", "a" * 64 + ".example:80", "a" * 300 + ":80", "代理.cn:8080", "代理。中国：8080", "xn--:80",
    "xn--mnq481g.cn:80", "ⓔxample.com:80", "例え:80", "\u200bproxy:80", "proxy\u200b.example:80", "proxy.example\u3002com:80",
    "b\u00fccher.example:80", "ß.example:80", "\U0001f600:80", "\ufeff127.0.0.1:7890", "127.0.0.1:7890\ufeff", "\u00a0h:80\u00a0",
    "http://h:80\r\nProxy-Authorization: x", "http://h:80\nX: y", "h:80\r", "h\r\n:80", "http://h\x00:80", "h:80\x00", "\x00", "h\x1b[31m:80",
    "h\x7f:80", "h\x85:80", "h\u2028:80", "http://h:80\tx", "h\\:80", "\\\\server\\share", "C:\\proxy.exe", "/etc/proxy", "./h:80",
    "file:///etc/passwd", "file://h/wpad.dat", "http://wpad/wpad.dat", "http://h/proxy.pac", "pac+http://h/p.pac", "h/p.PAC?x=1",
    "javascript:alert(1)", "data:text/plain,x", "ext::sh -c id", "--proxy=h", "-x h:80", "$(id):80", "`id`:80", "h;id:80", "h|id:80",
    "h&id:80", "${HTTP_PROXY}", "$http_proxy", "%HTTP_PROXY%", "%(x)s", "{host}:80", "%s:80", "h%00:80", "h%0d%0a:80", "%31:80",
    "http=h:80", "http=h:80;https=h:81", "https=h:81;socks=h:82", "socks=h:1080", "http=;https=", "=;=;", ";;;", "http=http=h:80",
    "ftp=h:21;http=h:80", "HTTP=h:80", "http = h:80 ; https = h:81", "http=h:80,https=h:81", "h:80;h:81", "h:80 h:81",
    "PROXY h:80; DIRECT", "SOCKS h:1080", "HTTPS h:443", "http://h:80 http://h:81", "http://http://h:80", "https://http://h",
    "http://h@h@h:80", "@h:80", "@", "@@", "a@", ":@h:80", "user@h:80", "h:80@", "//h:80", "///", ":", "::", ":::", "/", "?", "#", ".",
    "..", "%", "h" * 70_000, "://" * 9000, "@" * 20_000, ":" * 20_000, "[" * 20_000, "http://" * 5000, "\ud800:80", "h:80\udcff",
    f"vmess://{SECRET}", f"vless://{SECRET}@h:443?x", f"ss://{SECRET}@1.2.3.4:8388#n", f"ssr://{SECRET}", f"trojan://{SECRET}@h:443",
    f"hysteria2://{SECRET}@h:1", f"tuic://u:{SECRET}@h:1", f"clash://install?url={SECRET}", f"SS://{SECRET}@h:1",
    f"http://h:80/?token={SECRET}", f"http://user:{SECRET}@", f"user:{SECRET}@", f"http://user:{SECRET}@h:99999",
    f"user:{SECRET}@h:80\r\nX: y", f"http://user:{SECRET}\x00@h:80", f"http://user:{SECRET}\n@h:80", f"http://u:{SECRET}@[::1",
    f"ftp://user:{SECRET}@h:21", f"http=http://user:{SECRET}@h:80;https=h:1", f"socks=user:{SECRET}@h:1080", f"user：{SECRET}＠h：80",
    f"http://user:{SECRET}@h h:80", f"\"user:{SECRET}@h:80\"", f"http:\\\\user:{SECRET}@h:80", f"user:{SECRET}@h:80 user:{SECRET}@i:81",
)  # fmt: skip


def _written() -> Iterator[str]:
    yield from (f"{scheme}{place}" for scheme in _SCHEMES for place in _PLACES[:5])
    yield from (
        f"{scheme}{user}{_PLACES[number % 7]}"
        for scheme in ("", "http://", "socks5://")
        for number, user in enumerate(_USERS)
    )
    yield from _PLAIN


PROXIES = tuple(dict.fromkeys(_written()))
