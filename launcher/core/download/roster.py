"""Whose turn it is: addresses by what happened at them, other upstream groups before those that just failed."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.core.download.request import Address, Patience, TroubleError, Wanted
from launcher.core.errors import LauncherError
from launcher.core.text import Text, t

#: an attempt that brought so many bytes, or a hundredth of the file, was not fruitless
_FRUIT = 256 * 1024
#: one that breaks off is gone back to where it was so many times as fast as the one that came after it
_MUCH_FASTER = 4
_HINTS = {
    "unreachable": t("Look at the network connection and the proxy; the same command continues where this one ended."),
    "proxy": t("Look at the proxy, or turn it off; the same command continues where this one ended."),
    "login-page": t("Open any page in a browser and log in to the network, then try again."),
    "unauthorized": t("This file needs an account: accept its terms at its page and give Gesso your token."),
    "wrong-bytes": t(
        "Nothing of it was kept. Try another mirror where there is one; if all say the same, the file has been changed."
    ),
}
_HINT = t("Try later, or another mirror where there is one; the same command continues where this one ended.")


@dataclass
class _Standing:
    strikes: int = 0
    slow: bool = False
    #: bytes per second of its last fruitful attempt
    rate: float = 0.0
    ready_at: float = 0.0
    benched: bool = False
    last: TroubleError | None = None


class Roster:
    """The addresses of one download and how they stand; times are seconds of the monotonic clock."""

    def __init__(self, wanted: Wanted, patience: Patience) -> None:
        self._wanted, self._patience = wanted, patience
        self._standings = {address: _Standing() for address in wanted.addresses}
        self._groups = dict.fromkeys((address.group for address in wanted.addresses), 0)

    def next(self, now: float) -> tuple[Address, float]:
        """Whose turn it is, and from when on. LauncherError when nobody is left."""
        there = [address for address in self._wanted.addresses if not self._standings[address].benched]
        if not there:
            raise self._failure()
        left = [address for address in there if address.sure] or there
        ready_at = {address: self._standings[address].ready_at for address in left}
        # A slow one is asked when nobody else is there before it would be found slow again.
        patient = now + self._patience.slow_time
        swift = {each: at for each, at in ready_at.items() if not self._standings[each].slow and at <= patient}
        ready_at = swift or ready_at
        soonest = max(now, min(ready_at.values()))
        return min((address for address in ready_at if ready_at[address] <= soonest), key=self._rank), soonest

    def floor(self, address: Address) -> float | None:
        """Bytes per second below which `address` is left for another; None: there is none that is not slow."""
        others = [
            standing.rate
            for other, standing in self._standings.items()
            if other != address and (other.sure or not address.sure) and not standing.benched and not standing.slow
        ]
        return max(self._patience.slow_rate, max(others) / _MUCH_FASTER) if others else None

    def failed(self, address: Address, trouble: TroubleError, gained: int, now: float, seconds: float = 0.0) -> None:
        """`trouble` at `address`, after `gained` bytes of it in so many seconds."""
        standing = self._standings[address]
        standing.last = trouble
        fruit = min(_FRUIT, (self._wanted.size or 100 * _FRUIT) // 100)
        fruitful = gained >= max(1, fruit)
        standing.strikes = 1 if fruitful else standing.strikes + 1
        standing.rate = gained / max(seconds, 1.0) if fruitful else standing.rate
        standing.slow = standing.slow or trouble.kind == "slow"
        self._groups[address.group] += 1
        asked = trouble.pause or 0.0
        standing.benched = (
            trouble.final or standing.strikes >= self._patience.strikes or asked > self._patience.longest_pause
        )
        standing.ready_at = now + max(asked, self._patience.pause * 2 ** (standing.strikes - 1))

    def _rank(self, address: Address) -> tuple[int, int, int]:
        standing = self._standings[address]
        return self._groups[address.group], standing.strikes, self._wanted.addresses.index(address)

    def _failure(self) -> LauncherError:
        reasons: Text | None = None
        kinds = set()
        told = set()
        for address, standing in self._standings.items():
            if standing.last is None:
                continue
            kinds.add(standing.last.kind)
            # A host with several addresses of the file mostly fails in one way.
            if (address.label, standing.last.why) in told:
                continue
            told.add((address.label, standing.last.why))
            reason = t("{address}: {why}", address=address.label, why=standing.last.why)
            reasons = t("{first}; {second}", first=reasons, second=reason) if reasons else reason
        kind = kinds.pop() if len(kinds) == 1 else ""
        return LauncherError(
            f"download-{kind or 'failed'}",
            t("{name} could not be downloaded. {reasons}.", name=self._wanted.name, reasons=reasons),
            _HINTS.get(kind, _HINT),
        )
