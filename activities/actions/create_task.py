"""Create a task for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from activities.action import Action, Do, Done, Html, NameOf, OwnProperty, Refused, Text, Tokens
from activities.audience import OneUser
from activities.effects import NewTask
from activities.targets import Types, about
from workflows.model.due_times import DueTime


class CreateTask(Action):
    """Create a task for a person, about the enrolled record.

    It is given to the user whom a property of the record names, as `owner`, or to one user; where that property is
    empty, and where the user is unknown or inactive, it stays unassigned and the line of the history says so. `due`
    and `remind` count from the moment the task is made, in the flow's zone. `associate` puts it on the records of
    further types, too, that are associated with the enrolled one; a type that nobody defined fails the step
    (`unknown_object_type`).

    Task and visit are one transaction, so there is one task, however often the step is tried. A title that is empty
    once its tokens are replaced fails the step (`no_title`). When somebody completes the task, each of its records has
    the event `task_completed` with the task's id, its kind, and the flow and step that made it: a wait looks for it.
    """

    kind: ClassVar = "create_task"
    place: ClassVar = "store"
    in_crm: ClassVar = True
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {
        "task": "The task's id.",
        "due_at": "When it is due, empty where it is not.",
        "assignee": "The id of the user whom it was given to, empty where it stayed unassigned.",
    }
    examples: ClassVar = (
        '{do: create_task, id: call, title: "Call {{ contact.firstname }}", type: call, assign_to: owner}',
        """\
do: create_task
id: follow-up
title: "Follow up with {{ contact.lastname | default('the new lead') }}"
body: <p>They came from <b>{{ contact.city }}</b>.</p>
priority: high
queue: new-leads
assign_to: {user: "7"}
due: {after: 3 days, on: [mon, tue, wed, thu, fri], at: "09:00"}
remind: {after: 2 hours}
associate: [company, deal]
""",
    )

    title: Text = Field(description="What is to be done, in a line.", min_length=1)
    body: Html = Field("", description="More about it, as HTML; values are escaped.")
    type: Literal["todo", "call", "email"] = Field("todo", description="What sort of task it is.")
    priority: Literal["none", "low", "medium", "high"] = Field("none", description="How much it matters.")
    queue: str = Field("", description="The queue that it is put into, by name.", max_length=200)
    assign_to: Annotated[str, OwnProperty()] | Annotated[OneUser, Tokens(), NameOf("user", under="user")] | None = (
        Field(None, description="Whom it is given to: the property that names the user, as `owner`, or `{user: ID}`.")
    )
    due: DueTime | None = Field(None, description="When it is due.")
    remind: DueTime | None = Field(None, description="When its assignee is reminded of it.")
    associate: Annotated[tuple[Types, ...], NameOf("associated")] = Field(
        (), description="Types whose associated records it is about as well; `company/LABEL` for those of a label."
    )

    async def perform(self, do: Do) -> Done:
        """Make it through the CRM."""
        if not (title := " ".join(self.title.split())):
            raise Refused("no_title")
        assignee, why_none = await self._assignee(do)
        task = NewTask(
            subject=title,
            records=await about(do, self.associate),
            source=do.source,
            kind=self.type,
            body=self.body,
            priority=self.priority,
            assignee=assignee,
            queue=self.queue,
            due_at=self.due.moment(do.now, do.zone) if self.due else None,
            remind_at=self.remind.moment(do.now, do.zone) if self.remind else None,
        )
        made = await do.crm.create_task(task, do.key)
        due_at = task.due_at.isoformat() if task.due_at else None
        line = "created a task" + (f", unassigned: {why_none}" if why_none else "")
        return Done(line=line, output={"task": made, "due_at": due_at, "assignee": assignee})

    async def _assignee(self, do: Do) -> tuple[str | None, str]:
        """Give the user whom it is given to; or none, and why."""
        if self.assign_to is None:
            return None, ""
        name = self.assign_to.user if isinstance(self.assign_to, OneUser) else do.record.properties.get(self.assign_to)
        if name in (None, ""):
            return None, f"{self.assign_to} is empty"
        user = await do.crm.user(str(name))
        if user is None or not user.active:
            return None, "the user is inactive" if user else "there is no such user"
        return user.id, ""
