#!/bin/sh
# Finds a Python 3.10 or newer (or fetches one through uv) and hands over to launcher/bootstrap.py. No choices here.
set -eu
here=$(unset CDPATH; cd "$(dirname "$0")" && pwd -P)
store=$here/.launcher-tools
uv_version=0.13.8
mirrors='https://mirrors.cloud.tencent.com/pypi/simple https://mirrors.aliyun.com/pypi/simple https://pypi.tuna.tsinghua.edu.cn/simple'
python_mirror=https://mirror.nju.edu.cn/github-release/astral-sh/python-build-standalone

say() { sed -n "s/^$1: //p" "$here/launcher/data/first_words.txt" >&2; }
stop() { # where there is no room for 300 MB that is what is in the way, whatever may have failed for it
    room=$(df -Pk "$here" 2>/dev/null | sed -n '$s/.* \([0-9][0-9]*\)  *[0-9][0-9]*% .*/\1/p')
    case $1 in no-pack | unknown-machine | no-downloader) ;; *) [ "${room:-307200}" -ge 307200 ] || set -- disk-full ;; esac
    say "$1"; exit 1; }
fetch() { # an address into a file
    if command -v curl >/dev/null 2>&1; then curl -fsSL --connect-timeout 10 --retry 2 -o "$2" "$1"
    elif command -v wget >/dev/null 2>&1; then wget -q -T 15 -t 2 -O "$2" "$1"
    else stop no-downloader; fi; }
sha256() { if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1; }
unpack() { # zip, folder
    unzip -oq "$1" -d "$2" 2>/dev/null || tar -xf "$1" -C "$2" 2>/dev/null || bsdtar -xf "$1" -C "$2" 2>/dev/null ||
        python3 -m zipfile -e "$1" "$2" || stop no-unzip; }
usable() { # a Python that runs, is new enough, can make virtual environments, and is the one that a pack is for
    "$1" -I -c 'import sys, venv, ensurepip; v = sys.version_info
sys.exit(v < (3, 10) or sys.argv[1] not in ("", "%d.%d" % v[:2]))' "$packed" >/dev/null 2>&1; }
find_python() { # the launcher's own first: that makes the second start quick
    python=$here/.launcher/bin/python
    if [ -f "$here/.launcher/stamp.json" ] && usable "$python"; then return; fi
    for python in python3.13 python3.12 python3.11 python3.10 python3 python "$store"/python/*/bin/python3; do
        if usable "$python"; then return; fi; done; return 1; }
configured_index() { # what the user's uv or pip already uses
    file=$(cat "${PIP_CONFIG_FILE:-/dev/null}" "${HOME:-}/.config/pip/pip.conf" "${HOME:-}/.pip/pip.conf" \
        "${HOME:-}/Library/Application Support/pip/pip.conf" /etc/pip.conf 2>/dev/null |
        sed -n 's/^ *index[-_]url *[=:] *//p' | head -n 1)
    echo "${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-$file}}}"; }
name_wheel() { # uv's wheel for this computer and its SHA-256
    if ls /lib/ld-musl-* >/dev/null 2>&1; then libc=musl; else libc=glibc; fi
    case "$(uname -s)-$(uname -m)-$libc" in
    Linux-x86_64-glibc) wheel=manylinux_2_17_x86_64.manylinux2014_x86_64 hash=e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984 ;;
    Linux-x86_64-musl) wheel=musllinux_1_1_x86_64 hash=29451c60f5e8b07403e0a175d5229efc36b0289b34143ff4aaa499a5dd52553a ;;
    Linux-aarch64-*) wheel=manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64 hash=0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d ;;
    Darwin-arm64-*) wheel=macosx_11_0_arm64 hash=62b6943c7fd64fac6854f780bea6e0359e5a5bc3241f83ee357bb38276afac49 ;;
    Darwin-x86_64-*) wheel=macosx_10_12_x86_64 hash=b7124ca1956ec2e476a1003ea5715a15f0266afaec37f4dc9c6972ba8183e6d1 ;;
    *) stop unknown-machine ;;
    esac
    wheel=uv-$uv_version-py3-none-$wheel.whl
}
is_pinned() { [ -f "$1" ] && [ "$(sha256 "$1")" = "$hash" ]; }
fetch_wheel() { # from the index $1; succeeds only if the file is the pinned one
    fetch "${1%/}/uv/" "$store/index.html" || return 1
    link=$(tr '"' '\n' <"$store/index.html" | grep -F "$wheel" | grep -v '[<>]' | head -n 1 | sed 's/#.*//')
    case $link in
    '' | *://*) ;;
    /*) link=$(echo "$1" | sed 's|^\([a-z]*://[^/]*\).*|\1|')$link ;; *) link=${1%/}/uv/$link ;;
    esac
    fetch "$link" "$store/uv.part" && is_pinned "$store/uv.part" && mv "$store/uv.part" "$store/$wheel"; }
fetch_python() {
    say fetch-python; name_wheel; mkdir -p "$store/uv" || stop not-writable
    for index in $(configured_index) $mirrors; do is_pinned "$store/$wheel" || fetch_wheel "$index" || continue; done
    is_pinned "$store/$wheel" || stop no-index
    unpack "$store/$wheel" "$store/uv"; for uv in "$store"/uv/*/scripts/uv; do chmod +x "$uv"; done
    export UV_PYTHON_INSTALL_DIR="$store/python" UV_CACHE_DIR="${UV_CACHE_DIR:-$store/cache}" UV_PYTHON_INSTALL_BIN=0
    "$uv" python install --no-config 3.12 ||
        UV_PYTHON_INSTALL_MIRROR=$python_mirror "$uv" python install --no-config 3.12 || stop no-python
    find_python || stop no-python; }
python_from_pack() { # only the file that the pack was made with, unpacked beside: a part of one, or another start, may run
    archive=$(ls "$pack"/python/*.tar.gz 2>/dev/null) || stop pack-python
    [ "$(sha256 "$archive")" = "$(sed -n "s|  python/${archive##*/}\$||p" "$pack/SHA256SUMS")" ] || stop pack-lacks
    home=${archive##*/}; home=$store/python/${home%.tar.gz}; new=$store/unpacked.$$; find_python && return
    rm -rf "$new" "$home" && mkdir -p "$new" "$store/python" || stop not-writable
    tar -xzf "$archive" -C "$new" --strip-components 1 || stop pack-lacks
    find_python || mv "$new" "$home" || stop not-writable; find_python || stop pack-python; rm -rf "$new"
    for old in "$store"/unpacked*; do kill -0 "${old##*.}" 2>/dev/null || rm -rf "$old" || :; done; }

pack=; last=; packed= # the folder after --from, and the Python that it was made for
for word; do case "$last $word" in "--from "*) pack=$word ;; *" --from="*) pack=${word#--from=} ;; esac; last=$word; done
[ -z "$pack" ] || packed=$(cat "$pack/python.txt" 2>/dev/null) || stop no-pack
find_python || if [ "$pack" ]; then python_from_pack; else fetch_python; fi
exec "$python" -I "$here/launcher/bootstrap.py" "$@"
