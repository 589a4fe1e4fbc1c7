"""The disks that our folders lie on: how large, how full, of which kind, here or on another computer."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

import psutil

from launcher.core.hardware.inquiry import Inquiry
from launcher.core.hardware.machine import Volume

#: File systems whose files are on another computer. 9p and virtiofs are not among them: they are a virtual machine's
#: way to its host, as WSL's to Windows' drives.
_NETWORKED = {
    "nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "fuse.sshfs", "fuse.rclone", "ceph",
    "glusterfs", "fuse.glusterfs", "lustre", "beegfs",
}  # fmt: skip


@dataclass(frozen=True)
class Mount:
    """One line of the system's table of mounts."""

    device: str
    point: str
    file_system: str
    options: tuple[str, ...] = ()


def look_at_volumes(workspace: Path, deadline: float) -> tuple[Volume, ...]:
    """The volumes of the workspace, of temporary files and of the home folder, each once; a drive that does not answer
    by `deadline` (of time.monotonic) has no sizes.
    """
    folders = {"workspace": workspace, "temp": Path(tempfile.gettempdir()), "home": Path("~").expanduser()}
    mounts = Inquiry(mounted).by(deadline) or ()
    asked = {purpose: Inquiry(partial(existing, folder)) for purpose, folder in folders.items()}
    places = {purpose: inquiry.by(deadline) or folders[purpose] for purpose, inquiry in asked.items()}
    held: dict[str, list[str]] = {}
    for purpose, place in places.items():
        held.setdefault(point_of(place, mounts), []).append(purpose)
    sizes = {point: Inquiry(partial(usage, places[purposes[0]])) for point, purposes in held.items()}
    return tuple(volume(point, tuple(purposes), mounts, sizes[point].by(deadline)) for point, purposes in held.items())


def mounted() -> tuple[Mount, ...]:
    """The system's table, every kind of file system."""
    found = psutil.disk_partitions(all=True)
    return tuple(Mount(each.device, each.mountpoint, each.fstype, tuple(each.opts.split(","))) for each in found)


def existing(folder: Path) -> Path:
    """`folder`, or the nearest one above it that is there, without links."""
    for place in (folder, *folder.parents):
        if os.path.lexists(place):
            return place.resolve()
    return folder


def point_of(place: PurePath, mounts: tuple[Mount, ...]) -> str:
    """The mount point or drive that `place` is on: the longest that it begins with."""
    points = [mount.point for mount in mounts if _holds(type(place)(mount.point), place)]
    return max(points, key=len) if points else place.anchor


def volume(point: str, purposes: tuple[str, ...], mounts: tuple[Mount, ...], size: tuple[int, int] | None) -> Volume:
    """What is told of the one mounted last at `point`; `size` is total and free, in MiB."""
    mount = next((each for each in reversed(mounts) if each.point == point), None)
    total, free = size or (None, None)
    if mount is None:
        # Windows lists no shares: they are named \\computer\share.
        return Volume(point, purposes, None, total, free, network=True if point.startswith("\\\\") else None)
    kind = mount.file_system.lower()
    return Volume(
        path=point,
        holds=purposes,
        file_system=mount.file_system or None,
        total_mib=total,
        free_mib=free,
        network="remote" in mount.options or kind in _NETWORKED,
        removable=_removable(mount),
        # Systems that keep nothing (/proc, /sys) have no size.
        read_only="ro" in mount.options or total == 0,
        noexec="noexec" in mount.options,
    )


def usage(place: Path) -> tuple[int, int] | None:
    """MiB in all, and free for us."""
    try:
        found = psutil.disk_usage(str(place))
    except OSError:
        return None
    return found.total >> 20, found.free >> 20


def _holds(point: PurePath, place: PurePath) -> bool:
    return point == place or point in place.parents


def _removable(mount: Mount, blocks: Path = Path("/sys/class/block")) -> bool | None:
    if sys.platform == "win32":
        return "removable" in mount.options
    device = blocks / PurePath(mount.device).name
    # A partition lies in the folder of its disk.
    there = [file for file in (device / "removable", device.resolve().parent / "removable") if file.exists()]
    try:
        return there[0].read_text().strip() == "1" if there else None
    except OSError:
        return None
