"""The launcher's readers of what strangers write: proxies, profiles, start scripts, logs, index pages, answers, models."""

# ruff: noqa: E501, ISC004, PERF203, PT017 - tables, and looks at what was raised

from __future__ import annotations

import io
import json
import pickle
import struct
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from launcher.core.diagnosis.diagnose import diagnose_batches
from launcher.core.diagnosis.reading import lines_of
from launcher.core.download.answer import Answer, Asked, judge
from launcher.core.download.request import TroubleError
from launcher.core.download.stream import next_hop
from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.models.addresses import civitai_version, file_address, name_in
from launcher.core.models.comfy_paths import read_comfy_paths
from launcher.core.models.facts import describe
from launcher.core.models.outline import BrokenError, read_outline
from launcher.core.models.told import of_civitai, of_hugging_face
from launcher.core.network.mirror_reading import Reading, _learn, _terms
from launcher.core.network.mirrors import Mirror, own_mirror, read_mirrors
from launcher.core.network.proxies import proxy_environment
from launcher.core.network.proxy_settings import Said, from_environment, from_gnome, from_kde, from_macos, from_windows
from launcher.core.packages.index_pages import read_page
from launcher.core.profiles.flag_words import groups, masked, masked_variables, one_line, split_words
from launcher.core.profiles.run_profiles import RunProfile, check_profile
from launcher.core.profiles.script_reading import Left, read_bat, read_sh, read_text
from launcher.core.profiles.webui_user import read_webui_user
from launcher.core.proxy_address import masked as masked_proxy
from launcher.core.proxy_address import repaired
from launcher.core.proxy_bypass import passes_by, split
from launcher.core.settings import read_settings_file
from launcher.core.web_address import discreet, shown, written_address
from runtime.protocol import from_line
from tests.release.target import Target, text_of, words

_FOLDER = tempfile.TemporaryDirectory(prefix="gesso-parsers-")
_SELF = Path(_FOLDER.name)
_MIRRORS = read_mirrors()


def written(data: bytes, name: str = "file") -> Path:
    file = _SELF / name
    file.write_bytes(data)
    return file


# -- addresses


def proxy(data: bytes) -> None:
    text = text_of(data)
    masked_proxy(text)
    rules = split(text)
    passes_by("https://www.example.com:8443/", rules)
    for name, value in proxy_environment(None, None, rules).items():
        assert name.isascii()
        assert not any(ord(sign) < 33 for sign in value)
    found = repaired(text)
    assert found.isascii()
    assert found.isprintable()
    assert repaired(found) == found
    assert urlsplit(found).port is None or 0 < urlsplit(found).port < 65536


def proxy_sources(data: bytes) -> None:
    """What systems say about proxies, in their own formats."""
    text = text_of(data)
    found: list[Said] = [from_gnome(text), from_kde(text, {"x": text}), from_macos(text)]
    first, _, second = text.partition("\n")
    found.append(from_environment({"http_proxy": first, "HTTPS_PROXY": second, "no_proxy": second}))
    found.append(from_windows({"ProxyEnable": 1, "ProxyServer": first, "ProxyOverride": second}))
    for source in found:
        for each in (source.http, source.https):
            assert each is None or (each.isascii() and each.isprintable())
        passes_by("https://example.com/", source.bypass)


def address(data: bytes) -> None:
    text = text_of(data)
    shown(text), discreet(text)
    try:
        own_mirror("packages", text)
    except LauncherError as error:
        assert error.code == "bad-mirror"
    found = file_address(written_address(text), _MIRRORS)
    civitai_version(found), name_in(found)
    try:
        next_hop("https://a.example/b", text)
    except TroubleError as error:
        assert error.kind in ("redirects", "bad-address")


# -- files of settings


def profile(data: bytes) -> None:
    file = written(data, "one.toml")
    check_profile(file, read_facts(file, RunProfile))


def settings(data: bytes) -> None:
    read_settings_file(written(data, "config.toml"))


def flags(data: bytes) -> None:
    text = text_of(data)
    found = split_words(text)
    list(groups(found)), split_words(text, backslashes=True)
    masked_variables({"COMMANDLINE_ARGS": text, "x_TOKEN": text, "A": text})
    hidden = masked(found)
    one_line(hidden, windows=True), one_line(hidden, windows=False)


def scripts(data: bytes) -> None:
    read_webui_user(written(data, "webui-user.sh"))
    read_webui_user(written(data, "webui-user.bat"))
    text = read_text(written(data, "webui-user.sh"))
    for each in (*read_sh(text), *read_bat(text, "C:\\a")):
        assert not isinstance(each, Left) or len(each.begun) < 50


def comfy(data: bytes) -> None:
    read_comfy_paths(written(data, "extra_model_paths.yaml"), "comfy")


# -- what comes from the network


def log(data: bytes) -> None:
    diagnose_batches(lines_of(io.BytesIO(data)))


def index(data: bytes) -> None:
    for file in read_page(text_of(data), "https://index.example/simple/torch/"):
        try:
            next_hop("https://index.example/", file.url)
        except TroubleError:
            continue


def answer(data: bytes) -> None:
    """The first line is the status, the others are headers."""
    first, *lines = data.decode("latin-1").split("\n")
    status = int(first) if first.isascii() and first.isdecimal() and len(first) == 3 else 200
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    found = Answer(status, headers, "https://mirror.example/a.whl")
    for asked in (Asked(0, None, None), Asked(5, 8, '"x"'), Asked(0, 8, None, page=True)):
        try:
            judge(found, asked)
        except TroubleError as error:
            assert error.pause is None or 0 <= error.pause < float("inf")
    reading = Reading(Mirror("a", "a", None, url="https://mirror.example/"))
    _learn(reading, found, _terms(found).total)


def events(data: bytes) -> None:
    from_line(text_of(data))


def publisher(data: bytes) -> None:
    """What a host of models says about a file, once it is JSON."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return
    for said in (of_civitai(found, "1"), of_hugging_face(found, "a/b.safetensors")):
        assert said.sha256 is None or len(said.sha256) == 64


# -- model files


def model(data: bytes) -> None:
    """The first byte: 0, 1 a header with its bytes, 2 a pickle in a zip, 3 one in the older stream, else as it is."""
    mode, rest = (data[0] % 5, data[1:]) if data else (4, b"")
    if mode < 2:
        rest = struct.pack("<Q", len(rest)) + rest + bytes(mode * 8)
    elif mode == 2:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a/data.pkl", rest)
            archive.writestr("a/data/0", bytes(64))
        rest = buffer.getvalue()
    elif mode == 3:
        rest = b"".join(pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, {})) + rest
    describe(read_outline(written(rest)), "a.safetensors")


_WEIGHTS = (
    b"\x80\x02}q\x00X\x06\x00\x00\x00weightq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storage"
    b"q\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x08tq\x07QK\x00K\x04K\x02"
    b"\x86q\x08K\x02K\x01\x86q\t\x89ccollections\nOrderedDict\nq\n)Rq\x0btq\x0cRq\rs."
)
_ADDRESS_WORDS = words(
    "http:// https:// socks:// socks5h:// vmess:// @ : // / # ? % %2F %zz [::1] [ ] 127.0.0.1 7890 99999 0 host .pac user"
    " pass 用户 ： 。 \\ = ; , * \" ' ftp: file:/// example.com xn-- .. <local> /24 10.0.0.0/8 127/8 \x7f \udc80"
)
TARGETS = {
    "proxy address": Target(
        proxy, (b"http://user:pass@127.0.0.1:7890", b"socks5://[::1]:1080", "用户：密@代理.cn：80".encode(),
                b"a.example,*.b,10.0.0.0/8,<local>"),
        _ADDRESS_WORDS, (LauncherError,), ("core/proxy_", "core/web_address", "network/proxies"),
    ),
    "proxy sources": Target(
        proxy_sources,
        (b"org.gnome.system.proxy mode 'manual'\norg.gnome.system.proxy ignore-hosts ['a', 'b']\n"
         b"org.gnome.system.proxy.http host 'h'\norg.gnome.system.proxy.http port 80\n"
         b"org.gnome.system.proxy.http use-authentication true\norg.gnome.system.proxy.http authentication-user 'u'",
         b"[Proxy Settings]\nProxyType=1\nhttpProxy=http://127.0.0.1 7890\nsocksProxy=h:1\nNoProxyFor=a,b\n",
         b"[Proxy Settings]\nProxyType=4\nhttpProxy=x\n",
         b"  ExceptionsList : <array> {\n    0 : *.local\n  }\n  HTTPEnable : 1\n  HTTPPort : 80\n  HTTPProxy : h\n"
         b"  ProxyAutoConfigEnable : 1\n  ProxyAutoConfigURLString : http://a/b.pac\n  SOCKSEnable : 1\n",
         b"http=a:1;https=b:2;socks=c:3\n<local>;*.x"),
        (*_ADDRESS_WORDS, *words("org.gnome.system.proxy 'auto' @as [] ' {} {[]:1} ( - ** 1j ProxyType=2 [Proxy"
                                 " Settings] % %(a)s : <array> { } ProxyAutoDiscoveryEnable HTTPSEnable")),
        (), ("network/proxy_settings", "core/proxy_"),
    ),
    "addresses": Target(
        address, (b"https://huggingface.co/a/b/blob/main/c.safetensors", b"https://civitai.com/models/1?modelVersionId=2",
                  b"https://hf-mirror.com/a/b/resolve/main/c", b"//h:1/x", b"https://modelscope.cn/models/a/b/file/view/m/c"),
        (*_ADDRESS_WORDS, *words("huggingface.co civitai.com modelscope.cn github.com resolve blob tree modelVersionId= & "
                                 "/api/download/models/ datasets raw")),
        (LauncherError,), ("models/addresses", "core/web_address", "network/mirrors", "download/stream"),
    ),
    "profile": Target(
        profile, (b'title = "a"\nextends = "b"\nport = 7860\nflags = ["--x", "y"]\nauth = ["a:b"]\n[environment]\nA = "b"\n',
                  b'{"title": "a", "listen": true, "theme": "dark"}'),
        words('title why extends gpu memory attention port listen share auth auth_file model theme language flags '
              'environment = [ ] [[ ]] { } " """ \'\'\' true 1979-05-27 0x1 1e400 inf nan \\u0000 \\UFFFFFFFF # . , "a"'),
        (LauncherError,), ("core/facts", "profiles/run_profiles", "tomllib/_parser", "tomli/_parser"),
    ),
    "settings": Target(
        settings, (b'language = "zh"\n[proxy]\naddress = "h:1"\ndirect = ["a"]\n[downloads]\nlimit_kib = 5\n',),
        words('language theme python [mirrors] [proxy] [downloads] [models] address direct limit_kib linked packages = '
              '"en" [ ] { } " true -1 1e9 \\u0000 . , #'),
        (LauncherError,), ("core/facts", "core/settings"),
    ),
    "flags": Target(
        flags, (b"--port 7861 --gradio-auth a:b --ckpt 'x y' --x=\"C:\\a b\" -f", b"--api-auth=a:b http://u:p@h/?t=1"),
        words("--port --listen --gradio-auth --api-auth --ngrok = ' \" \\ C:\\x -- -f --gradio --xformers http://u:p@h ?t="),
        (), ("profiles/flag_", "core/web_address"),
    ),
    "start scripts": Target(
        scripts,
        (b'#!/bin/bash\nexport COMMANDLINE_ARGS="--medvram --port 1"\nif [ x ]; then\nA=b\nfi\nvenv_dir="v"\nB=$A\\\n c\n',
         b'@echo off\r\nset PYTHON=C:\\p.exe\r\nset "VENV_DIR=%~dp0venv"\r\nset COMMANDLINE_ARGS=--a ^&--b\r\ncall webui.bat'),
        words("export set COMMANDLINE_ARGS= PYTHON= VENV_DIR= $A ${A} $( ` ' \" \\ ^ & && || ; ( ) { } if fi then case esac"
              " for do done << <<EOF EOF function %A% %~dp0 %% goto :eof call webui.bat rem :: # += exec exit"),
        (LauncherError,), ("profiles/script_reading", "profiles/webui_user", "profiles/flag_words"),
    ),
    "comfy paths": Target(
        comfy, (b"a111:\n    base_path: x/\n    checkpoints: models\n    loras: |\n         a\n         b\n",),
        words("base_path: checkpoints: loras: : | > # - ' \" ~ ~nobody / \\ C:\\ %A% $A \x00"), (), ("models/comfy_paths", "core/paths"),
    ),
    "log": Target(
        log,
        (b'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nRuntimeError: CUDA out of memory.'
         b" Tried to allocate 20.00 MiB\n", b"\x1b[31mERROR\x1b[0m: No module named 'x'\r 50%|##| 1/2 [00:01<00:01, 1it/s]\r\n",
         "错误：无法打开\n".encode("gb18030"), "error: a\n".encode("utf-16")),
        (*words("Traceback (most recent call last): File ERROR error: fatal: exit code 137 No module named CUDA out of memory"
                " ImportError: OSError: [Errno 98] address already in use HTTP 407 proxy SSL: CERTIFICATE_VERIFY_FAILED it/s"
                " % torch xformers Torch is not able to use GPU Permission denied No space left on device"),
         b"\x1b[0m", b"\x1b]0;", b"\x08", b"\xef\xbb\xbf", b"\xff\xfe", b"\xa1\xa1", b"\x00\x00", b"\xe2\x94\x80"),
        (LauncherError,), ("core/diagnosis/",),
    ),
    "index page": Target(
        index, (b'<!DOCTYPE html><base href="x/"><a href="torch-2.0-cp311-cp311-win_amd64.whl#sha256=' + b"a" * 64 + b'">t</a>',
                b'{"meta":{},"files":[{"filename":"a","url":"../a.whl","hashes":{"sha256":"b"},"size":3}]}'),
        words('<a href=" > </a> <base #sha256= <!-- --> <![CDATA[ ]]> <! <? & &#0; &amp; // http://[ .. % {"files":[ "url":'
              ' "filename": "hashes":{ "size": null 1e5 [ ] } <script> </script> \udc80'),
        (), ("packages/index_pages", "html/parser", "_markupbase"),
    ),
    "answer": Target(
        answer, (b"206\nContent-Range: bytes 5-7/8\nETag: \"x\"\nContent-Length: 3", b"200\nContent-Length: 8\nX-Linked-Size: 9",
                 b"503\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT", b"416\nContent-Range: bytes */5"),
        words("Content-Range: bytes 0-7/8 */ Content-Length: ETag: \"x\" W/ Retry-After: Last-Modified: Content-Type: text/html"
              " Content-Encoding: gzip Transfer-Encoding: chunked X-Linked-Size: X-Linked-ETag: 200 206 301 403 404 416 429 503"
              " GMT Dec 99999 -0000 +9999 \udcb2"),
        (TroubleError,), ("download/answer", "network/mirror_reading", "email/_parseaddr"),
    ),
    "events": Target(
        events, (b'{"event":"job","state":"progress","progress":0.5}', b'{"event":"serving","url":"http://a/"}'),
        words('"event": "phase" "serving" "credentials" "model" "job" "fatal" { } [ ] , null NaN 1e999 \\ud800 "state":'), (),
        ("runtime/protocol",),
    ),
    "publisher": Target(
        publisher, (b'{"files":[{"id":1,"name":"a","primary":true,"hashes":{"SHA256":"' + b"A" * 64 + b'"}}]}',
                    b'[{"path":"a/b.safetensors","size":1,"lfs":{"oid":"' + b"b" * 64 + b'"}}]'),
        words('{"files":[ "id": "name": "primary": "hashes": {"SHA256": "path":"a/b.safetensors" "lfs": "oid": "size": null 1 [ ] {'
              " } true 1e5"), (), ("models/told",),
    ),
    "model file": Target(
        model,
        (b'\x00{"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
         b'\x01{"__metadata__":{"ss_tag_frequency":"{\\"a\\":{\\"b\\":1}}","modelspec.title":"t"},'
         b'"x.lora_down.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
         b"\x02" + _WEIGHTS, b"\x03" + _WEIGHTS + b"\x80\x02]q\x00X\x01\x00\x00\x000a." + bytes(72), b"\x04GGUF", b"\x04" + _WEIGHTS),
        (*words('"__metadata__": "dtype": "shape":[ "data_offsets":[ "F32" "F8_E4M3" [0,4] ] { } : , null NaN 1e5 -1 \\ud800'
                " ss_tag_frequency ss_base_model_version modelspec.architecture modelspec.trigger_phrase lora_up.weight"
                " model.diffusion_model.input_blocks.0.0.weight 9223372036854775808 ctorch\nFloatStorage\n cos\nsystem\n storage"
                " . ( ) ] e s u a R b Q q r h j t K M J N l L C c i o"),
         b"\x80\x02", b"\x80\x04", b"\x85", b"\x86", b"\x87", b"\x8a", b"\x8b\xff\xff\xff\x7f", b"\x8c", b"\x8d", b"\x93", b"\x94",
         b"\x95"),
        (BrokenError, OSError), ("core/models/",),
    ),
}  # fmt: skip
