"""Scores the diagnosis on a corpus of failure logs, and measures how fast it reads.

    .launcher/bin/python -m benchmarks.diagnosis CORPUS.jsonl [--misses] [--json]
    .launcher/bin/python -m benchmarks.diagnosis --speed [--mib 100]

A corpus is one JSON object a line with `id`, `text`, `category` (a rule's slug, `unknown`, or `no-problem` for a log
that is harmless) and optionally `text_kind`, by which the scores are given apart. Printed are the shares that are right
first and within the first three, the findings on harmless logs, and the confusions.

With --speed a log of that size is made of ordinary lines, progress and now and then a failure, and read in one pass;
the baseline is reading and decoding the same bytes line by line and nothing else.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from launcher.core.diagnosis.diagnose import diagnose_file, diagnose_text
from launcher.core.diagnosis.live import LiveDiagnosis
from launcher.core.diagnosis.rules import read_rules

HARMLESS = "no-problem"


@dataclass(frozen=True)
class Case:
    """A log with its right answer, and what was said of it."""

    id: str
    category: str
    text_kind: str
    found: tuple[str, ...]

    @property
    def first(self) -> bool:
        """Right at the first place; of a harmless log: nothing was found."""
        return not self.found if self.category == HARMLESS else self.found[:1] == (self.category,)

    @property
    def third(self) -> bool:
        """Right within the first three."""
        return not self.found if self.category == HARMLESS else self.category in self.found[:3]


@dataclass(frozen=True)
class Score:
    """Shares of 1; None: there was nothing of the kind."""

    failures: int
    first: float | None
    within_three: float | None
    harmless: int
    false_findings: float | None


def judged(corpus: Path) -> Iterator[Case]:
    """Every log of the corpus with what the diagnosis says."""
    for line in corpus.read_text(encoding="utf-8").splitlines():
        if line.strip():
            row = json.loads(line)
            found = tuple(advice.slug for advice in diagnose_text(row["text"]))
            yield Case(row["id"], row["category"], row.get("text_kind", "all"), found)


def score(cases: list[Case]) -> Score:
    """Of failures how many are right, of harmless logs how many are accused."""
    failures = [case for case in cases if case.category != HARMLESS]
    harmless = [case for case in cases if case.category == HARMLESS]
    return Score(
        len(failures),
        _share(sum(case.first for case in failures), len(failures)),
        _share(sum(case.third for case in failures), len(failures)),
        len(harmless),
        _share(sum(not case.first for case in harmless), len(harmless)),
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def confusions(cases: list[Case]) -> Counter[tuple[str, str]]:
    """(right, said instead) of all that were wrong first."""
    return Counter((case.category, case.found[0] if case.found else "nothing") for case in cases if not case.first)


def report(cases: list[Case], *, misses: bool) -> None:
    """The table for people."""
    kinds = sorted({case.text_kind for case in cases})
    for name in ("all", *(kind for kind in kinds if kind != "all")):
        each = score([case for case in cases if name in ("all", case.text_kind)])
        right = f"first {_percent(each.first)}  in three {_percent(each.within_three)}"
        accused = f"harmless {each.harmless:3}  accused {_percent(each.false_findings)}"
        print(f"{name:14} failures {each.failures:4}  {right}  {accused}")
    for (right, said), number in sorted(confusions(cases).items()):
        print(f"  {right:32} -> {said:32} {number}")
    if misses:
        for case in cases:
            if not case.first:
                print(f"  {case.id}: {case.category} <- {', '.join(case.found) or 'nothing'}")


def _percent(share: float | None) -> str:
    return "  -   " if share is None else f"{share:6.1%}"


def make_log(file: Path, mib: int) -> int:
    """A log as a long day writes it; how many lines."""
    chosen = random.Random(1)  # the same log each time
    failures = [log for kind in read_rules() for sign in kind.sign for log in sign.yes]
    lines, size = 0, 0
    with file.open("w", encoding="utf-8", newline="") as out:
        while size < mib * 1024**2:
            if lines % 5000 == 4999 and failures:
                text = chosen.choice(failures).strip("\n") + "\n"
            elif lines % 7 == 0:
                done = chosen.randrange(100)
                text = f" {done:3}%|{'#' * (done // 10):10}| {done}/100 [00:{done % 60:02}<00:10,  9.8it/s]\n"
            else:
                step = chosen.randrange(10**6)
                text = (
                    f"2026-11-22 12:00:{step % 60:02} INFO txt2img job {step} of request {step * 7 % 9973}: 512x512\n"
                )
            out.write(text)
            lines += text.count("\n")
            size += len(text.encode())
    return lines


def speed(mib: int) -> dict[str, float]:
    """Seconds for every 10 MB, of the file at once and of the live reader; and lines a second of the latter."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "long.log"
        lines = make_log(file, mib)
        diagnose_text("")  # the rules are read and compiled once for a whole session
        tens = file.stat().st_size / 10**7
        begun = time.perf_counter()
        with file.open(encoding="utf-8") as stream:
            for _ in stream:
                pass
        plain = time.perf_counter() - begun
        begun = time.perf_counter()
        diagnose_file(file)
        whole = time.perf_counter() - begun
        text = file.read_text(encoding="utf-8").splitlines()
        live, begun = LiveDiagnosis(), time.perf_counter()
        for start in range(0, len(text), 500):
            live.feed(text[start : start + 500])
        flowing = time.perf_counter() - begun
    return {
        "mib": mib, "lines": lines, "baseline_s_per_10mb": round(plain / tens, 3),
        "whole_s_per_10mb": round(whole / tens, 3), "live_s_per_10mb": round(flowing / tens, 3),
        "live_lines_per_s": round(len(text) / flowing), "ratio": round(whole / plain, 1),
    }  # fmt: skip


def main() -> int:
    """Scores or measures; exit code 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--misses", action="store_true", help="every log that is not right first")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--mib", type=int, default=100)
    given = parser.parse_args()
    if given.speed:
        print(json.dumps(speed(given.mib), indent=1))
    elif given.corpus is None:
        parser.error("a corpus, or --speed")
    else:
        cases = list(judged(given.corpus))
        if given.json:
            json.dump({**asdict(score(cases)), "cases": [asdict(case) for case in cases]}, sys.stdout, indent=1)
        else:
            report(cases, misses=given.misses)
    return 0


if __name__ == "__main__":
    sys.exit(main())
