"""What is taken out of a report, and what stays because it says nothing of anybody."""

from __future__ import annotations

import time

import pytest

from launcher.core.report.redaction import Redaction

MING = Redaction(
    users=("ming.li", "李明", "li"),
    homes=("/home/ming.li", "C:\\Users\\Ming Li"),
    hosts=("MINGS-PC", "mings-pc.lan", "vm"),
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
    "PWD=hunter2secret": "PWD=***",
    "UID=sa;PWD=hunter2secret;": "UID=sa;PWD=***;",
    "pwd: hunter2secret": "pwd: ***",
    "access_tokens = abcdef123456": "access_tokens = ***",
    '{"tokens": ["abcdef123456"]}': '{"tokens": "***"}',
    'tokens = ["abcdef", "b"] # two': "tokens = *** # two",
    "max_token_password=abc123": "max_token_password=***",
    "https://user:p@ssw0rd@host/x": "https://***@host/x",
    "sshpass -p hunter2 ssh": "sshpass -p *** ssh",
    "口令 hunter2": "口令 ***",
    "密码是hunter2，请记住": "密码是***，请记住",
    "the token is abcdefg": "the token is ***",
    "password is hunter33": "password is ***",
    "curl -u bob:hunter55 http://h/": "curl -u *** http://h/",
    '["curl", "-u", "bob:hunter55"]': '["curl", "-u", "***"]',
    "git --username liming --password=x": "git --username <user> --password=***",
    "用户名：liming": "用户名：<user>",
    "machine h.example login bob password NetrcSecret1": "machine h.example login <user> password ***",
    "  login bob": "  login <user>",
    "  password NetrcSecret1": "  password ***",
    "it is wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY.": "it is ***.",
    "aws_secret_access_key = wJalrXUtnFEMI": "aws_secret_access_key = ***",
    "ngrok authtoken: abcdefgh": "ngrok authtoken: ***",
    "{'clientSecret': b'ab c', 'n': 1}": "{'clientSecret': b'***', 'n': 1}",
    'body="{\\"password\\": \\"zz top\\", \\"n\\": 1}"': 'body="{\\"password\\": \\"***\\", \\"n\\": 1}"',
    "password=SecretStr('zz top')": "password=SecretStr('***')",
    "call 13812345678 or 138-1234-5678": "call <phone number> or <phone number>",
    "tel. +49 170 1234567, +86 13812345678": "tel. <phone number>, <phone number>",
    "\\\\FILESERVER01\\share\\m.ckpt": "\\\\<computer>\\share\\m.ckpt",
    "in '\\\\\\\\nas.lan\\\\models'": "in '\\\\\\\\<computer>\\\\models'",
    "smb://nas.lan/models": "smb://<computer>/models",
    "http.proxy=http://proxy.firm.example:8080": "http.proxy=http://<computer>:8080",
    "file:///C:/Users/Ming%20Li/x and \\\\?\\C:\\Users\\Ming Li\\y": "file:///C:/Users/<user>/x and \\\\?\\~\\y",
    "C:\\用户\\张伟\\桌面": "C:\\用户\\<user>\\桌面",
    "user li on vm": "user <user> on <computer>",
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
    "Token is valid (permission: read). The password is not needed, the token is missing",
    "Tokens: 75, max_token_length=225, eos_token='<|end|>'",
    "hf_transfer==0.1.9, pip install --user x, docker run --user 1000 y",
    "libvm and vmlinux, clip and li2 stay",
    "13812345678 bytes, seed 3812345678, 1e+10, torch 2.10.0+cu130, Date: 2026-11-22 00:00:00 +0000",
    "commit 5f2b9c0d1e3a4f5b6c7d8e9f0a1b2c3d4e5f6a7b",
    "\\\\?\\C:\\x and \\\\wsl$\\Ubuntu and 'models\\\\foo\\\\bar' and \\\\.\\pipe\\x",
    "check the status page: https://status.gradio.app.",
    "proxy: http://127.0.0.1:7890, https_proxy=http://localhost:7890",
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


HOSTILE = (
    "a.", ":", "pass", "1.", "/home/", "?a=", "--auth ", '"', "@", " ", "password:", "token ", "-", "--token",
    "--auth-", "#token", "eyJaaaaaaaa-", "token=\"", "token='\\\\", "://a", "a:", "a@a.", ":/", "0:",
    "-----BEGIN A-----", "max_", "aB3/", "proxy", "\\\\", "-u ", "login ", "Token", "[", "auth\n",
)  # fmt: skip


@pytest.mark.parametrize("word", HOSTILE)
def test_a_hostile_line_costs_its_length_alone(word):
    for ending in ("", "?=@x:/", "--"):
        begun = time.process_time()
        MING.text((word * 16_384)[:16_384] + ending)
        # a hundred times what it takes; the square of the length took longer, and its third power hours
        assert time.process_time() - begun < 4


def test_nor_does_a_megabyte_of_them():
    begun = time.process_time()
    for word in ("--auth-", "-", "token "):
        MING.text(word * (350_000 // len(word)))
    assert time.process_time() - begun < 60


def test_a_long_line_of_a_log_is_cut():
    assert len(MING.lines(["x" * 100_000])) < 5000
