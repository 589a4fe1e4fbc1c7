"""A network's fingerprint: what each system says of its gateway, in its own words."""

from __future__ import annotations

import sys

import pytest

from launcher.core.network import fingerprint as network
from launcher.core.network.fingerprint import (
    fingerprint,
    gateway_of_linux,
    gateway_of_macos,
    gateway_of_windows,
    hardware_in,
    hardware_of_linux,
)

LINUX_ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wlan0	00000000	0101A8C0	0003	0	0	600	00000000	0	0	0
eth0	00000000	FE01A8C0	0003	0	0	100	00000000	0	0	0
tun0	0000000A	00000000	0001	0	0	0	000000FF	0	0	0
"""
LINUX_NEIGHBOURS = """\
IP address       HW type     Flags       HW address            Mask     Device
192.168.1.254    0x1         0x2         A4:2B:B0:C1:D2:E3     *        eth0
192.168.1.77     0x1         0x0         00:00:00:00:00:00     *        eth0
"""
MACOS_ROUTE = """\
   route to: default
destination: default
       mask: default
    gateway: 192.168.1.1
  interface: en0
      flags: <UP,GATEWAY,DONE,STATIC,PRCLONING,GLOBAL>
"""
MACOS_NEIGHBOUR = "? (192.168.1.1) at a4:2b:b0:1:d2:e3 on en0 ifscope [ethernet]\n"
WINDOWS_ROUTE = """\
===========================================================================
接口列表
 12...a4 2b b0 c1 d2 e3 ......Intel(R) Wi-Fi 6 AX201 160MHz
===========================================================================

IPv4 路由表
===========================================================================
活动路由:
网络目标        网络掩码          网关       接口   跃点数
          0.0.0.0          0.0.0.0     192.168.56.1   192.168.56.20     281
          0.0.0.0          0.0.0.0      192.168.1.1    192.168.1.104     35
===========================================================================
"""
WINDOWS_NEIGHBOUR = """
接口: 192.168.1.104 --- 0xc
  Internet 地址         物理地址              类型
  192.168.1.1           a4-2b-b0-c1-d2-e3     动态
"""


def test_linux() -> None:
    assert gateway_of_linux(LINUX_ROUTES) == "192.168.1.254", "the lower metric wins"
    assert hardware_of_linux(LINUX_NEIGHBOURS, "192.168.1.254") == "a4:2b:b0:c1:d2:e3"
    assert hardware_of_linux(LINUX_NEIGHBOURS, "192.168.1.77") is None
    assert gateway_of_linux("") is None
    assert hardware_of_linux("", None) is None


def test_macos() -> None:
    assert gateway_of_macos(MACOS_ROUTE) == "192.168.1.1"
    assert hardware_in(MACOS_NEIGHBOUR, "192.168.1.1") == "a4:2b:b0:01:d2:e3", "it leaves zeros out"
    assert gateway_of_macos("route: writing to routing socket: not in table") is None


def test_windows_in_chinese() -> None:
    assert gateway_of_windows(WINDOWS_ROUTE) == "192.168.1.1"
    assert hardware_in(WINDOWS_NEIGHBOUR, "192.168.1.1") == "a4:2b:b0:c1:d2:e3"
    assert hardware_in(WINDOWS_NEIGHBOUR, "192.168.1.10") is None
    assert gateway_of_windows("操作完成!") is None


def test_the_same_network_has_the_same_fingerprint_and_another_proxy_makes_it_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = fingerprint()
    assert here == fingerprint()
    assert len(here) == 16
    assert here != fingerprint(("http://proxy.example:3128",))
    assert fingerprint(("a", "b")) == fingerprint(("b", "a"))
    monkeypatch.setattr(network, "_gateway", lambda _: ("other",))
    assert fingerprint() != here


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_a_computer_that_tells_nothing_has_one_too(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_text", lambda _: "")
    if platform != sys.platform:
        monkeypatch.setenv("PATH", "/nowhere")
    assert len(fingerprint(platform=platform)) == 16
