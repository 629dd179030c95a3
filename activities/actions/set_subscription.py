"""Opt the contact into a subscription, or out of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from activities.action import Action, Do, Done, NameOf, Skipped, Text
from activities.effects import Choice

LegalBasis = Literal[
    "consent_with_notice",
    "legitimate_interest_prospect",
    "legitimate_interest_customer",
    "performance_of_contract",
    "not_applicable",
]


class SetSubscription(Action):
    """Opt the contact into a subscription type, or out of it, and write down why that may be.

    The newest word on a subscription, or on all of its channel, is the one that holds; each is kept with the flow, the
    step, the legal basis and the explanation, as the proof. Skipped: a contact who opted out itself, or for whom a
    person wrote that down, is never opted in by a flow (`opted_out_by_contact`). Failed: no such subscription type
    (`unknown_subscription`); an opt-in without a legal basis where the installation demands one (`no_legal_basis`). It
    is for contacts only.

    Choice and visit are one transaction, so it is done once; where nothing changes, nothing is written. When it
    changes, the contact has the event `subscription_changed` with `subscription` and `state`, which waits look for.
    """

    kind: ClassVar = "set_subscription"
    place: ClassVar = "store"
    objects: ClassVar = ("contact",)
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {"changed": "Whether it was otherwise before.", "state": "`opted_in` or `opted_out`."}
    examples: ClassVar = (
        "{do: set_subscription, id: stop, subscription: newsletter, state: opted_out}",
        """\
do: set_subscription
id: sign-up
subscription: newsletter
state: opted_in
legal_basis: consent_with_notice
explanation: "Ticked the box of the form {{ event.form }}."
""",
    )

    subscription: Annotated[str, NameOf("subscription")] = Field(
        description="The key of the subscription type.", min_length=1, max_length=80
    )
    state: Literal["opted_in", "opted_out"] = Field(description="What it is to be.")
    legal_basis: LegalBasis | None = Field(None, description="The legal basis on which the contact is written to.")
    explanation: Text = Field("", description="How that is known, for whoever asks one day.", max_length=4000)

    async def perform(self, do: Do) -> Done:
        """Choose through what keeps consent."""
        choice = Choice(self.subscription, self.state, self.legal_basis or "", self.explanation)
        chosen = await do.store.consent.choose(do.record.ref.id, choice, do.source)
        if chosen.kept == "own":
            raise Skipped("opted_out_by_contact")
        line = self.state.replace("_", " ") + (" already" if chosen.kept else "")
        return Done(line=line, output={"changed": not chosen.kept, "state": chosen.state})
