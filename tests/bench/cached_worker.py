"""The worker with room for more enrollments in memory than it has in production: what each takes is measured so.

Run as `python -m tests.bench.cached_worker NUMBER`, in the environment of a worker.
"""

from __future__ import annotations

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location

from starter.worker_process import PROGRAM


def main() -> int:
    """Be `worker.py`, with another number of enrollments kept."""
    spec = spec_from_file_location("worker_with_room", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    worker = module_from_spec(spec)
    spec.loader.exec_module(worker)
    vars(worker)["CACHED"] = int(sys.argv[1])
    status: int = worker.main()
    return status


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # as in worker.py
