"""The walk of one record through one flow.

The interpreter knows a `Host`, not Temporal: the same walk runs on Temporal in production and on a virtual clock in
dry runs and tests. It only follows what it is answered: every verdict, instant and effect is asked of the host, and
the host asks an activity.
"""

from __future__ import annotations

from typing import assert_never

from workflows.contract import (
    ARM_WAIT,
    BRANCH,
    BRANCH_ON_VALUE,
    DELAY,
    DELAY_UNTIL,
    DISARM_WAIT,
    FINISH,
    MOST_TRAIL,
    SPLIT,
    Answer,
    Passed,
    State,
)
from workflows.host import Adopted, Delivered, Due, Host, Left, Resumed
from workflows.model.journal import Ending
from workflows.model.nodes import (
    NEXT,
    AnyNode,
    Branch,
    BranchOnValue,
    Delay,
    DelayUntil,
    End,
    GoTo,
    Perform,
    Split,
    WaitForEvent,
)
from workflows.model.revision import Revision, onward


class Walk:
    """One record's walk, resumable at any sleep from its `state`."""

    def __init__(self, host: Host, state: State) -> None:
        self.host = host
        self.state = state
        if not state.visit:
            self._go(state.revision, state.revision.flow.start)

    async def run(self) -> Ending:
        """Walk to the end; return how it ended."""
        ending: Ending | None = None
        while ending is None:
            ending = await self._stand()
        return ending

    async def _stand(self) -> Ending | None:
        """Deal with the node the record stands at; None means that the walk goes on."""
        self.host.note(self.state)
        if self.state.node is None:
            return await self._finish("edited_away" if self.state.all_deleted else "completed")
        node = self.state.revision.flow.node(self.state.node)
        answer = await self._visit(node)
        if answer.revision:
            self._move(answer.revision)
        elif answer.leave:
            return await self._finish(answer.leave)
        elif answer.asleep is None:
            self._go(self.state.revision, node.edges[answer.edge], came=(node.id, answer.edge), line=answer.line)
        return None

    async def _visit(self, node: AnyNode) -> Answer:
        """Visit a node. An answer that says `asleep` means: stand here again."""
        match node:
            case Perform():
                return await self._perform(node)
            case Delay():
                return await self._delay(DELAY, node)
            case DelayUntil():
                return await self._delay(DELAY_UNTIL, node)
            case WaitForEvent():
                return await self._wait(node)
            case Branch():
                return await self.host.ask(BRANCH, self.state.step(), node)
            case BranchOnValue():
                return await self.host.ask(BRANCH_ON_VALUE, self.state.step(), node)
            case Split():
                return await self.host.ask(SPLIT, self.state.step(), node)
            case GoTo():
                return Answer()
            case End():
                return Answer(leave="completed")
            case _:
                assert_never(node)

    async def _perform(self, node: Perform) -> Answer:
        if self.state.asleep is None:
            answer = await self.host.perform(node, self.state.step())
            return self._lie_down(answer)
        match await self.host.sleep(self.state, node):
            case Left(ending):
                return Answer(leave=ending)
            case Adopted(revision):
                return Answer(revision=revision)
            case Resumed(how="end"):
                return Answer(leave="stopped")
            case Resumed(how="skip"):
                return Answer(outcome="skipped", line="skipped by an operator")
            case Due() | Delivered() | Resumed():
                return self._try_again()

    def _try_again(self) -> Answer:
        """Visit the same node once more after a deferral or a hold; the next try is a visit of its own."""
        rested = self.state.asleep
        deferred = rested is not None and rested.why == "deferred"
        self._change(
            visit=self.state.visit + 1,
            asleep=None,
            deferrals=self.state.deferrals + 1 if deferred else 0,
            deferred_until=rested.until if rested and deferred else None,
        )
        return Answer(asleep=rested)

    async def _delay(self, question: str, node: Delay | DelayUntil) -> Answer:
        if self.state.asleep is None:
            step = self.state.step().model_copy(update={"entered": self.state.entered})
            return self._lie_down(await self.host.ask(question, step, node))
        match await self.host.sleep(self.state, node):
            case Left(ending):
                return Answer(leave=ending)
            case Adopted(revision):
                return Answer(revision=revision)
            case Due() | Delivered() | Resumed():
                return Answer(line="waited")

    async def _wait(self, node: WaitForEvent) -> Answer:
        if self.state.asleep is None:
            return self._lie_down(await self.host.ask(ARM_WAIT, self.state.step(), node))
        match await self.host.sleep(self.state, node):
            case Left(ending):
                return Answer(leave=ending)
            case Adopted(revision):
                return Answer(revision=revision)
            case Delivered():
                return Answer(happened=True, line="happened")
            case Due() | Resumed():
                return await self.host.ask(DISARM_WAIT, self.state.step(), node)

    def _lie_down(self, answer: Answer) -> Answer:
        """Fall asleep if the answer says so: the sleep is registered, and the next stand here sleeps it."""
        if answer.asleep:
            self._change(asleep=answer.asleep, trail=self._trail(self.state.node, answer.line))
        return answer

    def _trail(self, node: str | None, line: str) -> tuple[Passed, ...]:
        return (*self.state.trail, Passed(node=node, line=line))[-MOST_TRAIL:] if node and line else self.state.trail

    def _move(self, new: Revision) -> None:
        """Go on in a newer revision of the flow, which was met before anything was done under the old one.

        A sleeper whose step is unchanged sleeps on; one whose step was edited registers its sleep again, counted from
        the time it entered; one whose step is gone comes out of it. A record that is awake follows again, in the new
        drawing, the edge by which it came here.
        """
        old, here = self.state.revision, self.state.node
        if self.state.asleep and here is not None and old.flow.node(here).same_kind(new.flow.nodes.get(here)):
            unchanged = old.flow.node(here).same_but_edges(new.flow.nodes[here])
            visit_ended = not unchanged and self.state.asleep.why in ("deferred", "held")
            self._change(
                revision=new,
                asleep=self.state.asleep if unchanged else None,
                visit=self.state.visit + visit_ended,
            )
            return
        came = (here, NEXT) if self.state.asleep and here is not None else self.state.came
        landing = onward(old, new, came, here)
        self._go(
            landing.revision, landing.node, came=came, as_drawn=landing.revision is not new or landing.node is None
        )
        self._change(all_deleted=landing.all_deleted)

    def _go(
        self,
        revision: Revision,
        node: str | None,
        *,
        came: tuple[str, str] | None = None,
        line: str = "",
        as_drawn: bool = False,
    ) -> None:
        self._change(
            revision=revision,
            node=node,
            came=came,
            visit=self.state.visit + 1,
            entered=self.host.now(),
            asleep=None,
            deferrals=0,
            deferred_until=None,
            as_drawn=as_drawn,
            all_deleted=False,
            trail=self._trail(came[0] if came else None, line),
        )

    async def _finish(self, ending: Ending) -> Ending | None:
        """Close the enrollment; None where a newer revision still leads on."""
        answer = await self.host.ask(FINISH, self.state.step(ending), None)
        if answer.revision:
            self._move(answer.revision)
            return None
        return ending

    def _change(self, **fields: object) -> None:
        self.state = self.state.model_copy(update=fields)
