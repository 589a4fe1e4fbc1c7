"""What opens somebody's doors, found by what it is called or by its form. Pure."""

from __future__ import annotations

import re

from launcher.core.web_address import discreet

HIDDEN, USER = "***", "<user>"
#: A key, a variable, a header or a flag, whole. Whether it is called like a secret is asked of the word by itself:
#: looked for within a longer pattern, a hostile line costs the square of its length.
_WORD = re.compile(r"[A-Za-z0-9_.-]+|用户名|密码|口令|密钥|令牌")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET = re.compile(
    r"(?:pass(?:words?|wd|phrases?|code)|(?<![a-z])(?:pwd?|(?<=[_-])pass|tokens?|auth)|secrets?|credentials?|authtokens?"
    r"|(?:api|access|private|secret|auth)[_.-]?keys?|authorization|cookies?|session[_-]?id|signature|ngrok)(?![a-z])"
    r"|密码|口令|密钥|令牌"
)
#: the tokens that a text is cut into, and what is counted of them
_COUNTED = re.compile(
    r"(?:(?:max|min|num|n|new|pad|bos|eos|unk|mask|sep|cls|special|added|input|output|text|image|prompt|total)[_-])*"
    r"tokens?(?:[_-](?:id|ids|count|counts|type|merging|ratio|length|limit|size|index|dim))*"
)
_NUMBER = re.compile(r"[\d.,/%]+")
_SHELLS_FOLDER = re.compile(r"/|~|[A-Za-z]:[\\/]")
_NOTHING = ("null", "None", "true", "false", "True", "False", '""', "''", HIDDEN)
#: an unclosed quote lasts to the end of its line: no second try, which would cost the square
_VALUE = (
    r"(?:[bu]|[A-Za-z]{1,12}\()?(?:\\+\"[^\"\n]*\"?|\"(?:[^\"\\\n]|\\[^\n])*\"?|\\+'[^'\n]*'?|'(?:[^'\\\n]|\\[^\n])*'?)"
    r"|\[[^\]\n]*\]?|[^\s,;，。；、}\])\"']+"
)
#: "the token is no longer valid" tells something of it, and not it
_TOLD = r"(?!(?:in|un)?(?:valid|correct|set|a|an|the|no|not|now|too|wrong|required|missing|expired|empty|saved|used)\b)"
_THEN = re.compile(
    r"(?P<sign>\\*[\"']?\s*(?:[:=：]\s*|[是为]\s*|(?<=[\u4e00-\u9fff])[ \t]+(?=[!-~])|(?<=\s)(?:is|was)[ \t]+" + _TOLD
    + rf"))(?P<value>{_VALUE})", re.IGNORECASE,
)  # fmt: skip
_THEN_OF_FLAG = re.compile(rf"(?P<sign>\\*[\"']\s*,\s*|\\*[\"']?\s*[:=]\s*|\s+)(?P<value>(?!--){_VALUE})")
_NAMES = frozenset({"username", "user_name", "--username", "--user-name", "用户名"})
_OPENING = re.compile(r"((?:[bu]|[A-Za-z]{1,12}\()?)(\\*[\"'])")
#: a password that stands bare may have a blank in it
_PASSWORD = re.compile(
    r"(?i)((?:\bpass(?:word|phrase)|密码|口令)\s*[:=：]\s*)(?![\"'\s]|(?:[bu]|[A-Za-z]{1,12}\()[\"'])[^\r\n,;}\])\"']+?(?=\s{2}|\s+--|[\r\n,;}\])\"']|$)",
    re.MULTILINE,
)
#: headers whose whole line is secret
_HEADER = re.compile(r"(?im)((?:proxy-)?authorization|(?:set-)?cookie2?)(\\?[\"']?\s*[:=]\s*)[^\r\n]+")
_BEARER = re.compile(r"(?i)\b(bearer|basic|digest|negotiate)(\s+)[A-Za-z0-9._~+/=-]{6,}")
#: curl's, sshpass's, and a netrc's, on one line or on several
_COMMANDS = re.compile(
    r"(?im)((?<![\w-])(?:-u|-U|--(?:proxy-)?user)(?:[\"']\s*,\s*)?[\s=\"']{0,4})[^\s\"':]+:[^\s\"']+"
    r"|(\bsshpass\s{1,8}-p\s{0,8})\S+|^([ \t]*password[ \t]+)\S+(?=[ \t]*$)"
)
_NETRC = re.compile(r"(?i)\b(login[ \t]+)[^\s:=]+([ \t]+password[ \t]+)\S+")
_NETRC_LOGIN = re.compile(r"(?im)^([ \t]*login[ \t]+)\S+(?=[ \t]*$)")
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:hf|api_org|npm|gsk)_[A-Za-z0-9]{10,}|sk-[A-Za-z0-9_-]{6,}|(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{6,}"
    r"|github_pat_[A-Za-z0-9_]{6,}|glpat-[A-Za-z0-9_-]{6,}|pypi-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{6,}"
    r"|r8_[A-Za-z0-9]{16,}|(?:AKIA|ASIA|LTAI|AKID)[A-Za-z0-9]{12,}|AIza[A-Za-z0-9_-]{20,}|ms-[0-9a-f]{8}-[0-9a-f-]{20,}"
    r"|(?<![_-])eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){1,2})"
)
#: as Amazon and those like it make them: of this length, of all kinds of signs
_AWS_SECRET = re.compile(
    r"(?<![A-Za-z0-9/+=])(?=[^a-z]{0,39}[a-z])(?=[^A-Z]{0,39}[A-Z])(?=[^0-9]{0,39}[0-9])[A-Za-z0-9+][A-Za-z0-9/+]{39}"
    r"(?![A-Za-z0-9/+=-]|\.\w)"
)
_KEY_BLOCK = re.compile(r"-----BEGIN ([A-Z ]*)-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
#: signatures and tokens are written there
_QUERY = re.compile(r"\?[\w.%~\[\]-]+=[^\s\"'<>|)]*")
_FRAGMENT = re.compile(r"(#([\w.-]+)=)[^\s\"'<>]+")


def is_secret(key: str) -> bool:
    """Does a variable or key of this name hold a secret?"""
    key = _HUMP.sub("_", key.strip("\"'\\-")).lower()
    return bool(_SECRET.search(key)) and (key in ("token", "tokens") or not _COUNTED.fullmatch(key))


def takes_secret(flag: str, value: str) -> bool:
    """In a list of arguments: is `value`, the one after `flag`, a secret?"""
    return (flag.startswith("--") and is_secret(flag)) or bool(_COMMANDS.fullmatch(f"{flag} {value}"))


def hidden(key: str, value: str) -> str | None:
    """What stands instead of `value` where it is held by `key`; None: it may be told."""
    bare = value.strip("\"'\\")
    if not bare or value in _NOTHING:
        return None
    if _HUMP.sub("_", key).lower() in _NAMES:
        return USER
    named = key.strip("\"'-").lower()
    if (named == "tokens" and _NUMBER.fullmatch(bare)) or (named in ("pwd", "oldpwd") and _SHELLS_FOLDER.match(bare)):
        return None
    return HIDDEN if is_secret(key) else None


def without_secrets(text: str) -> str:
    """`text` with *** for each secret that is found."""
    text = _KEY_BLOCK.sub(HIDDEN, text)
    text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    text = _BEARER.sub(rf"\1\2{HIDDEN}", text)
    text = _NETRC.sub(rf"\1{USER}\2{HIDDEN}", text)
    text = _NETRC_LOGIN.sub(rf"\1{USER}", text)
    text = _COMMANDS.sub(lambda found: f"{found[1] or found[2] or found[3]}{HIDDEN}", text)
    text = _PASSWORD.sub(rf"\1{HIDDEN}", text)
    text = _without_values(text)
    text = _AWS_SECRET.sub(HIDDEN, _TOKENS.sub(HIDDEN, text))
    text = _FRAGMENT.sub(
        lambda found: found[1] + HIDDEN if is_secret(found[2]) or found[2].lower().endswith("key") else found[0], text
    )
    return _QUERY.sub("?…", "".join(map(discreet, re.split(r"(\n)", text))))


def _without_values(text: str) -> str:
    """Every value gone whose key is called like a secret; its quotes and what it was called kept."""
    kept, done = [], 0
    for word in _WORD.finditer(text):
        if word.start() < done:
            continue
        key = word[0]
        if not (is_secret(key) or key.lower() in _NAMES):
            continue
        then = _THEN.match(text, word.end())
        if then is None and key.startswith("--"):
            then = _THEN_OF_FLAG.match(text, word.end())
        by = hidden(key, then["value"]) if then else None
        if then and by:
            kept += [text[done : then.start("value")], _quoted(then["value"], by)]
            done = then.end()
    return "".join([*kept, text[done:]])


def _quoted(value: str, by: str) -> str:
    opening = _OPENING.match(value)
    return f"{opening[0]}{by}{opening[2]}" if opening else by
