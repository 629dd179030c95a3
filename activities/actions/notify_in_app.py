"""Notify people who work with the CRM, in it and on their devices."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import Field, JsonValue

from activities.action import Do, Done, Preparing, Text
from activities.audience import Notifying
from activities.notices import OUTPUTS, prepared, pushed


class NotifyInApp(Notifying):
    """Notify people who work with the CRM: users, all members of teams, and owners of the record.

    Each is put one notification into the notification centre, once, with the title, the body and the record that it is
    about. `perdure notifications USER` and the HTTP API show what is there, read and unread. It is pushed, too, to the
    devices that the user has registered by the API (Web Push); that needs PERDURE_PUSH__PRIVATE_KEY and
    PERDURE_PUSH__SUBSCRIBER in the worker's settings, and without them the devices are skipped (`no_push_keys`).

    An owner property that is empty (`no_user`), a user who is deactivated (`inactive_user`) or unknown
    (`unknown_user`), and a team with nobody active (`empty_team`) or that is gone (`unknown_team`) are left out. Where
    that leaves nobody the step is skipped, else it is done: pushing is tried once for each device, and what a push
    service says against it (`http_429`), or that it does not answer, is only recorded. A device that its service knows
    no more (`device_gone`) is pushed to no longer. On a device a long text is cut.

    The notifications are written with the intent of the step, so none is there twice. A push that may have arrived
    before a worker died is repeated in place of the first; with `repeat: at_most_once` it is not.
    """

    kind: ClassVar = "notify_in_app"
    place: ClassVar = "outside"
    timeout: ClassVar[timedelta] = timedelta(minutes=5)
    outputs: ClassVar = OUTPUTS
    examples: ClassVar = (
        '{do: notify_in_app, id: tell-owner, owners: [owner], title: "{{ contact.firstname }} asked for a demo"}',
        """\
do: notify_in_app
id: bell
users: ["7"]
teams: [sales]
title: A big deal
body: "{{ contact.lastname }} of {{ company.name | default('an unknown company') }} wants to talk."
""",
    )

    title: Text = Field(description="What it says in a line.", min_length=1)
    body: Text = Field("", description="What it says beside, as plain text.")

    async def prepare(self, preparing: Preparing) -> dict[str, JsonValue]:
        """Find who is notified, fill the texts, and notify them; pushing comes after."""
        audience = await self.audience(preparing.store.people, preparing.record)
        [said] = await preparing.texts.of_flow({"title": self.title, "body": self.body}, [preparing.record])
        return await prepared(preparing, audience, **said)

    async def perform(self, do: Do) -> Done:
        """Push to the devices of all who were notified."""
        return await pushed(do)
