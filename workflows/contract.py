"""What both sides of Temporal share: names, payloads, and every number, each with its reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue
from temporalio.common import RetryPolicy, SearchAttributeKey

from workflows.model.journal import Ending, Outcome
from workflows.model.nodes import NEXT
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

# Names. They stand in histories that outlive any release: never rename one.
TASK_QUEUE = "perdure"
ENROLLMENT = "Enrollment"
SIGNAL_DELIVER = "deliver"
SIGNAL_EVENT = "event"
SIGNAL_LEAVE = "leave"
SIGNAL_RESUME = "resume"
UPDATE_ADOPT = "adopt"
QUERY_STATE = "state"
BRANCH = "branch"
BRANCH_ON_VALUE = "branch_on_value"
SPLIT = "split"
DELAY = "delay"
DELAY_UNTIL = "delay_until"
ARM_WAIT = "arm_wait"
DISARM_WAIT = "disarm_wait"
RECORD_EVENT = "record_event"
GIVE_UP = "give_up"
FINISH = "finish"
MEMO_ENROLLMENT = "enrollment"
PURGE = "purge"
PURGING = "perdure-purge"
"""The schedule that starts the purge, and the workflow id of its runs before their time."""

FLOW_ATTRIBUTE = SearchAttributeKey.for_keyword("PerdureFlow")
RECORD_ATTRIBUTE = SearchAttributeKey.for_keyword("PerdureRecord")
REVISION_ATTRIBUTE = SearchAttributeKey.for_keyword("PerdureRevision")

# Numbers.
CODE_VERSION = 1
"""Raised when the workflow code changes shape: an older enrollment continues as new at its next sleep."""

LOCAL_TIMEOUT = timedelta(seconds=5)
"""A local activity is one short transaction; longer than this means that the database hangs."""

LOCAL_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), backoff_coefficient=4, maximum_attempts=3)
"""Three tries, 0.2 s and 0.8 s apart; then an ordinary activity goes on, whose back-off costs no history."""

FALLBACK_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=1.2, maximum_interval=timedelta(minutes=5)
)
"""For ever: our own database comes back, or an operator mends it. Each pause is a fifth of the time gone by, so that
after an outage of T all goes on within T/5, and the tries grow with the logarithm of T."""

FALLBACK_TIMEOUT = timedelta(seconds=15)
HEARTBEAT = timedelta(seconds=4)
"""How often an effect outside says that it lives; most are done before the first, so it costs nothing."""

HEARTBEAT_TIMEOUT = timedelta(seconds=10)
"""How long a dead worker's effect outside is waited for, where its own time-out is longer."""

WORKFLOW_TASK_TIMEOUT = timedelta(seconds=5)
"""How long a dead worker's task is waited for; half the server's default, so recovery takes half the time."""

MOST_SIGNALS = 2_000
"""Signals after which an enrollment continues as new; the server ends a run at 10,000 without a suggestion before."""

MOST_DEFERRALS = 20
"""Deferrals of one node after which it is held for an operator: the allowed hours leave no room."""

MOST_TRAIL = 20
"""Lines of the path kept for the current details; the whole path stands in the ledger."""

OUTPUT_BYTES = 64 * 1024
"""Largest output a visit may keep; a provider's larger answer is refused, never cut in silence."""

_WIRE = ConfigDict(frozen=True, extra="ignore")  # a newer worker may add a field that an older one need not know


class Asleep(BaseModel):
    """What a sleeper sleeps for. `until` is None for a wait without an end and for a hold."""

    model_config = _WIRE

    why: Literal["delay", "wait", "deferred", "held"]
    until: datetime | None = None


class Passed(BaseModel):
    """One line of the path travelled."""

    model_config = _WIRE

    node: str
    line: str


class State(BaseModel):
    """All that an enrollment is: its start input, and what it carries over when it continues as new."""

    model_config = _WIRE

    enrollment: str
    flow: str
    revision: Revision
    record: RecordRef
    node: str | None = None
    visit: int = 0
    entered: datetime | None = None
    asleep: Asleep | None = None
    deferrals: int = 0
    deferred_until: datetime | None = None
    came: tuple[str, str] | None = None
    as_drawn: bool = False
    all_deleted: bool = False
    delivered: tuple[int, ...] = ()
    taken: int = 0
    trail: tuple[Passed, ...] = ()
    code: int = 1  # not the constant: payloads leave defaults out, so one that moves would change old inputs

    def step(self, ending: Ending | None = None) -> Step:
        """Give what an activity is asked about where the walk stands."""
        return Step(
            enrollment=self.enrollment,
            revision=self.revision.hash,
            node=self.node or "",
            visit=self.visit,
            deferred_until=self.deferred_until,
            deferrals=self.deferrals,
            as_drawn=self.as_drawn,
            ending=ending,
        )


class Step(BaseModel):
    """What an activity is asked: this visit of this enrollment to this node, under this revision.

    `as_drawn`: decide under this revision although it is superseded, for its successor deleted the node.
    """

    model_config = _WIRE

    enrollment: str
    revision: str
    node: str
    visit: int
    entered: datetime | None = None
    deferred_until: datetime | None = None
    deferrals: int = 0
    as_drawn: bool = False
    ending: Ending | None = None
    raw: JsonValue = None


class Answer(BaseModel):
    """What a visit came to. It stands in history, so it holds nothing personal.

    `edge` to go on by; or `leave`, and how; or `asleep`, registered; or a newer `revision` to go on in, where nothing
    was done under the one asked for.
    """

    model_config = _WIRE

    edge: str = NEXT
    outcome: Outcome = "done"
    line: str = ""
    leave: Ending | None = None
    asleep: Asleep | None = None
    happened: bool = False
    revision: Revision | None = None


class Delivery(BaseModel):
    """Events that ended waits of one enrollment: the visits that armed them."""

    model_config = _WIRE

    enrollment: str
    visits: tuple[int, ...]


class Leave(BaseModel):
    """An order to leave at once."""

    model_config = _WIRE

    enrollment: str
    ending: Ending


class Resume(BaseModel):
    """An operator's decision on a held visit: try it again, skip it, or end the enrollment."""

    model_config = _WIRE

    enrollment: str
    visit: int
    how: Literal["retry", "skip", "end"] = "retry"


class Adopt(BaseModel):
    """A newer revision for a sleeper whose own step the edit changed, in the visit that it slept in."""

    model_config = _WIRE

    enrollment: str
    visit: int
    revision: Revision


def workflow_id(flow: str, record: RecordRef, key: str = "") -> str:
    """Give the workflow id of an enrollment: `FLOW/TYPE:ID`, and `/KEY` where the flow sets an enrollment key."""
    return f"{flow}/{record}" + (f"/{key}" if key else "")
