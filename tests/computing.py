"""How long something may compute: CPU time of this thread, whatever else the machine and the test run are doing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time


@contextmanager
def computes_within(seconds: float) -> Iterator[None]:
    """Fail when the block computes for longer. What the other tests have left in memory is not counted with it."""
    gc.freeze()  # else each collection within the block walks all that thousands of tests have kept
    began = thread_time()
    try:
        yield
    finally:
        spent = thread_time() - began
        gc.unfreeze()
    assert spent < seconds, f"{spent:.2f} s of computing, where {seconds} were allowed"
