"""How far the running job is: one frozen snapshot that the queue replaces and everybody may read."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """The state of the queue, in AUTOMATIC1111's terms; all zero and empty while idle."""

    #: empty exactly while nothing runs
    job: str = ""
    #: the name under which the job was handed in
    task: str = ""
    #: batches of the running job, and how many of them are finished
    job_count: int = 0
    job_no: int = 0
    sampling_step: int = 0
    sampling_steps: int = 0
    job_timestamp: str = "0"
    interrupted: bool = False
    skipped: bool = False
    #: seconds of time.monotonic() at which the job began
    began: float | None = None
    #: seconds that the job was expected to take before its first step; None: nothing like it was drawn here yet
    expected: float | None = None
    #: PNG of the picture as it stands, if the worker sent one
    preview: bytes | None = None
    #: how many previews there were so far
    previews: int = 0
    #: jobs that wait behind this one
    waiting: int = 0
    text: str | None = None

    @property
    def fraction(self) -> float:
        """0 while idle; otherwise AUTOMATIC1111's estimate, at most 1."""
        if not self.job or self.job_count <= 0:
            return 0.0
        done = self.job_no / self.job_count
        if self.sampling_steps > 0:
            done += self.sampling_step / self.sampling_steps / self.job_count
        return min(0.01 + done, 1.0)

    @property
    def seconds_left(self) -> float:
        """An estimate from what was expected, and from the first step on from what the done part took; 0 while idle."""
        if self.began is None or self.fraction <= 0:
            return 0.0
        passed = time.monotonic() - self.began
        if self.expected is not None and not self.sampling_step and not self.job_no:
            return max(self.expected - passed, 0.0)
        return max(passed / self.fraction - passed, 0.0)
