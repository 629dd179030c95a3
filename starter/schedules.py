"""What Temporal starts by the clock: schedules, made when a worker begins and left alone where they are there."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleSpec,
)
from temporalio.service import RPCError

from workflows.contract import PURGING, TASK_QUEUE
from workflows.purging import Purge

if TYPE_CHECKING:
    from temporalio.client import Client as Temporal

EVERY = timedelta(days=1)


async def schedule_purge(temporal: Temporal, task_queue: str = TASK_QUEUE, name: str = PURGING) -> bool:
    """Have deleted records purged once a day; tell whether the schedule is new.

    One that an operator has changed or paused stays as it is. A worker serves without: what went wrong is logged.
    """
    action = ScheduleActionStartWorkflow(Purge.run, id=name, task_queue=task_queue)
    schedule = Schedule(action=action, spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=EVERY)]))
    try:
        await temporal.create_schedule(name, schedule)
    except ScheduleAlreadyRunningError:
        return False
    except RPCError as error:
        logging.getLogger("perdure").warning("deleted records are not purged: no schedule could be made (%s)", error)
        return False
    return True
