"""What is taken out of a report, and what stays because it says nothing of anybody."""

from __future__ import annotations

import json
import time

import pytest

from launcher.core.report.redaction import Redaction

MING = Redaction(
    users=("ming.li", "李明", "li"),
    homes=("/home/ming.li", "C:\\Users\\Ming Li"),
    hosts=("MINGS-PC", "mings-pc.lan"),
    secrets=("s3cr3t-w0rd",),
)

GONE = {
    'File "/home/ming.li/gesso/runtime/x.py", line 3': 'File "~/gesso/runtime/x.py", line 3',
    "C:\\Users\\Ming Li\\gesso": "~\\gesso",
    "'C:\\\\Users\\\\Ming Li\\\\gesso'": "'~\\\\gesso'",
    "D:\\Documents and Settings\\Bob\\x": "D:\\Documents and Settings\\<user>\\x",
    "C:\\Users\\Bob Smith\\AppData\\Local": "C:\\Users\\<user>\\AppData\\Local",
    "C:\\Users\\MINGLI~1\\AppData": "C:\\Users\\<user>\\AppData",
    "/mnt/c/Users/bob/x": "/mnt/c/Users/<user>/x",
    "/home/alice.w: permission denied": "/home/<user>: permission denied",
    "ming.li@mings-pc:~$ ls": "<user>@<computer>:~$ ls",
    "/srv/li/models": "/srv/<user>/models",
    "电脑属于李明。": "电脑属于<user>。",
    "proxy http://bob:pw123@10.0.0.3:7890/": "proxy http://***@<address>:7890/",
    "bob:pw123@proxy.example.com:80": "***@proxy.example.com:80",
    "https://h.example/b.bin?X-Amz-Signature=abc&Expires=1": "https://h.example/b.bin?…",
    "GET /a/b?token=xyz HTTP/1.1": "GET /a/b?… HTTP/1.1",
    "Authorization: Bearer abcdefgh": "Authorization: ***",
    "headers={'Cookie': 'sid=abc; x=1'}": "headers={'Cookie': ***",
    "sent Bearer abc.def-ghi_jkl to it": "sent Bearer *** to it",
    "HF_TOKEN=hf_abcdefghijkl": "HF_TOKEN=***",
    "using hf_abcdefghijkl now": "using *** now",
    'OPENAI_API_KEY="sk-abc123def456"': 'OPENAI_API_KEY="***"',
    "ghp_abcdefghijkl0123 is no longer valid": "*** is no longer valid",
    "--gradio-auth ming:geheim --port 7860": "--gradio-auth *** --port 7860",
    "--api-auth=a:b": "--api-auth=***",
    "Password: correct horse": "Password: ***",
    "Name: gesso   Password: a b   (shown only now)": "Name: gesso   Password: ***   (shown only now)",
    "密码：hunter2": "密码：***",
    "X-Api-Key: abc": "X-Api-Key: ***",
    "connect to 192.168.1.20:7860 failed": "connect to <address>:7860 failed",
    "from 2001:db8::7 and fe80::1%eth0": "from <address> and <address>",
    "mail ming@example.cn now": "mail <e-mail> now",
    "Running on public URL: https://abc123def.gradio.live": "Running on public URL: https://***.gradio.live",
    "link/ether 00:1a:2b:3c:4d:5e": "link/ether <hardware number>",
    "GPU-01234567-89ab-cdef-0123-456789abcdef": "<hardware number>",
    "the owner is S-1-5-21-11-22-33-1001": "the owner is <user>",
    "answered s3cr3t-w0rd!": "answered ***!",
    '{"event": "x", "user": "g", "password": "zz top"}': '{"event": "x", "user": "g", "password": "***"}',
    '["--api-auth", "a:b", "--port", "1"]': '["--api-auth", "***", "--port", "1"]',
    'flags = ["--api-auth", "a:b"]': 'flags = ["--api-auth", "***"]',
    '{"authorization": "Basic dXNlcjpwYXNz", "n": 1}': '{"authorization": "***", "n": 1}',
    '{"why": "C:\\\\Users\\\\Ming Li\\\\a \\u674e\\u660e"}': '{"why": "~\\\\a <user>"}',
}  # fmt: skip

KEPT = (
    "Serving at http://127.0.0.1:7860, listening on 0.0.0.0 and [::1]:7860",
    "nvidia-cublas-cu12==12.4.5.8",
    "nvidia_cudnn_cu12-9.1.0.70-py3-none-manylinux.whl",
    "driver version 1.2.3.4, 580.95.05, CUDA 13.0",
    "Token indices sequence length is longer than the maximum (81 > 77)",
    '{"max_token_length": 225, "pad_token_id": 3, "tokenizer": "clip"}',
    "PWD=/srv/gesso OLDPWD=/srv",
    "author: nobody, authentication failed, basic usage of it",
    "at 12:34:56 std::vector and c10::cuda in at::native::foo",
    "fatal: unable to access git@github.com:a/b.git",
    "OSError: [WinError 1455] 页面文件太小，无法完成操作。",
)


@pytest.mark.parametrize("line", GONE)
def test_what_says_who_where_or_how_to_get_in_is_gone(line):
    assert MING.lines([line]) == GONE[line]


@pytest.mark.parametrize("line", KEPT)
def test_what_says_nothing_of_anybody_stays(line):
    assert MING.lines([line]) == line


def test_a_private_key_goes_with_all_its_lines():
    block = ["before", "-----BEGIN RSA PRIVATE KEY-----", "MIIEpAIBAAKCAQEA", "-----END RSA PRIVATE KEY-----", "after"]
    assert MING.lines(block).split("\n") == ["before", "***", "after"]


def test_json_is_redacted_at_every_depth_and_stays_json():
    record = {
        "a": [{"api_key": "abc", "share": True}, "/home/ming.li/x", None, 3, 1.5],
        "/home/ming.li/models": {"cookies": ["one", "two"]},
        "tokens": 75, "hf_token": "", "password": 123456,
    }  # fmt: skip
    assert MING.json(record) == {
        "a": [{"api_key": "***", "share": True}, "~/x", None, 3, 1.5],
        "~/models": {"cookies": "***"},
        "tokens": 75, "hf_token": "", "password": "***",
    }  # fmt: skip


def test_a_name_of_common_meaning_is_no_name():
    assert Redaction(users=("root",), hosts=("localhost",)).text('{"root": "/srv/root/x", "host": "localhost"}') == (
        '{"root": "/srv/root/x", "host": "localhost"}'
    )


@pytest.mark.parametrize(
    "word", ["a.", ":", "pass", "1.", "/home/", "?a=", "--auth ", '"', "@", " ", "password:", "token "]
)
def test_a_hostile_line_costs_its_length_alone(word):
    begun = time.process_time()
    MING.lines([word * 100_000])
    # thousands of times that much, if it took the square
    assert time.process_time() - begun < 5
    assert json.loads(MING.lines(['["' + "x" * 100 + '"]']))
