"""The mailbox of an enrollment, and the sleep that its letters end: the only place that sleeps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import JsonValue

    from workflows.contract import CODE_VERSION, MOST_SIGNALS, Adopt, Delivery, Leave, Resume, State
    from workflows.model.journal import Ending
    from workflows.model.nodes import Node
    from workflows.model.revision import Revision

# After the block above: the sandbox loads these anew for each run, and they must find the one passed-through model.
from workflows.host import Adopted, Delivered, Due, Left, Resumed, Woken


class Mailbox:
    """What signals and updates have brought, kept until the walk looks."""

    def __init__(self, state: State) -> None:
        self.enrollment = state.enrollment
        self.delivered = set(state.delivered)
        self.leaving: Ending | None = None
        self.raw: list[JsonValue] = []
        self.taken = state.taken
        self.signals = 0
        self._adopted: tuple[int, Revision] | None = None
        self._resumed: Resume | None = None

    def deliver(self, letter: Delivery) -> None:
        """Keep the visits whose waits events have ended; a letter to an earlier enrollment is dropped."""
        if self._mine(letter.enrollment):
            self.delivered.update(letter.visits)

    def leave(self, letter: Leave) -> None:
        """Keep the first order to leave."""
        if self._mine(letter.enrollment):
            self.leaving = self.leaving or letter.ending

    def resume(self, letter: Resume) -> None:
        """Keep an operator's newest decision."""
        if self._mine(letter.enrollment):
            self._resumed = letter

    def adopt(self, letter: Adopt) -> None:
        """Keep the newest revision to adopt in a visit's sleep; whoever walks on meets the newest by itself."""
        if self._mine(letter.enrollment):
            self._adopted = letter.visit, letter.revision

    def take(self, signal: str, args: list[JsonValue]) -> None:
        """Keep an event sent straight to the enrollment, whatever its shape, with its number in the enrollment."""
        self.signals += 1
        self.taken += 1
        self.raw.append({"signal": signal, "args": args, "number": self.taken})

    def wakes(self, state: State) -> Woken | None:
        """Give what wakes this sleeper, if anything does: an order to leave before all else."""
        if self.leaving:
            return Left(self.leaving)
        if state.visit in self.delivered:
            return Delivered()
        if self._adopted is not None:
            (visit, revision), self._adopted = self._adopted, None
            if visit == state.visit and revision.hash != state.revision.hash:
                return Adopted(revision)
        if self._resumed and self._resumes(state):
            resumed, self._resumed = self._resumed, None
            return Resumed(resumed.how)
        return None

    def stirs(self, state: State) -> bool:
        """Tell whether there is anything for a sleeper to look at."""
        return bool(
            self.raw
            or self.leaving
            or self._adopted
            or state.visit in self.delivered
            or self._resumes(state)
            or self.signals >= MOST_SIGNALS
        )

    def carried(self, state: State) -> State:
        """Give the state to continue as new with: deliveries of later visits must not be lost."""
        ahead = tuple(sorted(visit for visit in self.delivered if visit >= state.visit))
        return state.model_copy(update={"delivered": ahead, "taken": self.taken, "code": CODE_VERSION})

    def _resumes(self, state: State) -> bool:
        held = state.asleep is not None and state.asleep.why == "held"
        return held and self._resumed is not None and self._resumed.visit == state.visit

    def _mine(self, enrollment: str) -> bool:
        self.signals += 1
        return enrollment == self.enrollment


async def sleep(
    mailbox: Mailbox, state: State, node: Node, record_event: Callable[[JsonValue], Awaitable[bool]]
) -> Woken:
    """Sleep as `state.asleep` says. Events that came straight are written to the log, and judged there.

    Letters come before the deadline: an event that the log took in time has won, however late its letter is.
    """
    until = state.asleep.until if state.asleep else None
    while True:
        if (woken := mailbox.wakes(state)) is not None:
            return woken
        if mailbox.raw:
            if await record_event(mailbox.raw.pop(0)):
                mailbox.delivered.add(state.visit)
            continue
        if _is_long(mailbox, state):
            workflow.continue_as_new(mailbox.carried(state))
        left = until - workflow.now() if until else None
        if left is not None and left <= timedelta(0):
            return Due()
        await _stir(mailbox, state, node, left)


async def _stir(mailbox: Mailbox, state: State, node: Node, timeout: timedelta | None) -> None:
    try:
        await workflow.wait_condition(
            lambda: mailbox.stirs(state), timeout=timeout, timeout_summary=node.name if timeout else None
        )
    except TimeoutError:
        return


def _is_long(mailbox: Mailbox, state: State) -> bool:
    # Patched, for a sleep that stands in history is slept; by visit, for an answer is kept for the whole run.
    return (
        mailbox.signals >= MOST_SIGNALS
        or workflow.info().is_continue_as_new_suggested()
        or (state.code != CODE_VERSION and workflow.patched(f"code-{state.visit}"))
    )
