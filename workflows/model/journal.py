"""What an enrollment reports: how a visit came out, and how a walk ended."""

from __future__ import annotations

from typing import Literal

Outcome = Literal["done", "skipped", "failed", "unknown"]
"""How a visit came out. `unknown`: the effect may have happened, and nobody can tell."""

Ending = Literal["completed", "goal", "unenrolled", "record_gone", "stopped", "edited_away", "closed", "terminated"]
"""How an enrollment ended. `edited_away`: all that lay ahead was deleted. `closed`: its row was already closed."""
