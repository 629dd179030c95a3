"""The purge as a Temporal workflow: a schedule starts it once a day."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.contract import FALLBACK_RETRY, PURGE


@workflow.defn(name="Purge")
class Purge:
    """Takes away for good what was deleted longer ago than it can be restored."""

    @workflow.run
    async def run(self) -> int:
        """Purge; give how many records were taken away."""
        purged: int = await workflow.execute_activity(
            PURGE,
            summary="deleted records that cannot be restored any more",
            start_to_close_timeout=timedelta(hours=1),
            retry_policy=FALLBACK_RETRY,
            result_type=int,
        )
        return purged
