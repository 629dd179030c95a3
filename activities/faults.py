"""Named crash points: where the fault tests kill a worker, between an intent, its effect and its commit."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def no_fault(_point: str) -> None:
    """Pass a crash point in ordinary life."""


class PlannedFault:
    """Kills this process at one point, once: the plan is `POINT:FILE`, and the file, left behind, says that it did."""

    def __init__(self, plan: str) -> None:
        """Read the plan."""
        self.point, _, marker = plan.partition(":")
        self.marker = Path(marker)

    def __call__(self, point: str) -> None:
        """Strike, if this is the point and it has not struck before."""
        if point == self.point and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
