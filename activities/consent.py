"""Whether a contact may be written to: the rules, as pure functions of what is known of the contact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from activities.effects import OptState, Provenance, Sending, Source
from workflows.model.when import MIDNIGHT, local_instant, wall_clock

By = Literal["contact", "flow", "hand"]
"""Whose word it is: the contact's own, a flow's, or that of somebody who wrote it down."""


class ConsentSettings(BaseModel):
    """What an installation asks before it writes to contacts."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    most_a_day: int = Field(
        10, ge=1, description="The most e-mails that all flows send to one contact in 24 hours; more is a loop."
    )
    legal_basis: bool = Field(
        default=False, description="Whether a marketing e-mail needs an opt-in with a legal basis on record."
    )
    marketing_by_default: bool = Field(
        default=True, description="Whether a contact of whom nobody has said otherwise is one for marketing."
    )
    renewal: date | None = Field(
        None, description="A day on which the contract renews, as 2027-03-15; it comes again every year."
    )


@dataclass(frozen=True)
class Standing:
    """What is known of a contact when it is about to be written to.

    `said` is the newest word on the subscription or on all e-mail, None where there is none, with its legal basis.
    """

    marketing: bool = True
    bounced: bool = False
    said: OptState | None = None
    basis: str = ""
    sent_today: int = 0
    had_it: bool = False


def turned_down(standing: Standing, sending: Sending, settings: ConsentSettings) -> str:
    """Give the code of why a contact may not be written to, nothing where it may."""
    if standing.bounced:
        return "bounced"
    if standing.said == "opted_out":
        return "unsubscribed"
    if sending.marketing and not standing.marketing:
        return "non_marketing"
    if sending.marketing and settings.legal_basis and not (standing.said == "opted_in" and standing.basis):
        return "no_legal_basis"
    if sending.once and standing.had_it:
        return "already_sent"
    return "too_many_emails" if standing.sent_today >= settings.most_a_day else ""


def by(source: Source) -> By:
    """Tell whose word an edit is."""
    return "flow" if isinstance(source, Provenance) else "hand"


def stands(said: OptState | None, whose: By | None, wanted: OptState, source: Source) -> Literal["", "same", "own"]:
    """Tell why a choice stays as it was: it is the same, or one that a flow does not overrule; nothing where not.

    Whoever opted out without a flow is not opted in by one.
    """
    if said == wanted:
        return "same"
    return "own" if said == "opted_out" and whose != "flow" and by(source) == "flow" else ""


def non_marketing_from(now: datetime, zone: str, renewal: date | None) -> datetime:
    """Give when a contact that is taken out of marketing is out: the first of next month, or an earlier renewal."""
    today = wall_clock(now, zone).date()
    first = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    renewals = [_in_year(renewal, year) for year in (today.year, today.year + 1)] if renewal else []
    day = min(each for each in (first, *renewals) if each > today)
    return local_instant(day, MIDNIGHT, zone)


def _in_year(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:  # the 29th of February
        return date(year, 3, 1)
