"""Consent: `subscriptions`, `consent`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, as_table, instant
from starter.commands.who import who
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from activities.effects import OptState
    from starter.crm.consent import ConsentPage, Subscription


def subscriptions(*, json: Json = False) -> None:
    """List the subscription types, with how many contacts last opted in and out.

    A type is what contacts may opt into and out of: `send_email` names it, a link to unsubscribe ends it, and
    `set_subscription` sets it. A file with the top key `subscription` defines one, and is published as flows are.

    Examples:
        perdure subscriptions
    """
    found = asyncio.run(_subscriptions())
    if json:
        as_json(found)
    elif not found:
        typer.echo("There is no subscription type yet; a file with the top key `subscription` defines one.")
    else:
        rows = [(each.key, each.name, each.channel, str(each.opted_in), str(each.opted_out)) for each in found]
        as_table(("Key", "Name", "Channel", "Opted in", "Opted out"), rows)


async def _subscriptions() -> tuple[Subscription, ...]:
    from starter.compose import connect_client
    from starter.crm import consent

    async with connect_client() as client:
        return await consent.subscriptions(client.pool)


def consent(  # noqa: PLR0913 - its options
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="The contact, as contact:42.")],
    *,
    opt_in: Annotated[str | None, typer.Option("--opt-in", metavar="KEY", help="It opts into this type.")] = None,
    opt_out: Annotated[str | None, typer.Option("--opt-out", metavar="KEY", help="It opts out of this type.")] = None,
    no_email: Annotated[bool, typer.Option("--opt-out-of-all", help="It wants no e-mail at all.")] = False,
    basis: Annotated[str, typer.Option("--basis", help="The legal basis, as consent_with_notice.")] = "",
    why: Annotated[str, typer.Option("--explanation", help="How that is known.")] = "",
    json: Json = False,
) -> None:
    """Show what a contact has agreed to and turned down, or write down what it says.

    What is written down by hand holds whatever was said before, and a flow never opts in whom it keeps out.

    Examples:
        perdure consent contact:42
        perdure consent contact:42 --opt-out newsletter --explanation "She rang on Monday"
    """
    wanted = [
        *([(opt_in, "opted_in")] if opt_in else []),
        *([(opt_out, "opted_out")] if opt_out else []),
        *([(None, "opted_out")] if no_email else []),
    ]
    if len(wanted) > 1:
        raise CallerError("one at a time: --opt-in, --opt-out or --opt-out-of-all")
    if (basis or why) and not wanted:
        raise CallerError("--basis and --explanation go with --opt-in, --opt-out or --opt-out-of-all")
    subscription, state = wanted[0] if wanted else (None, "")
    page = asyncio.run(_consent(contact, subscription, state, basis, why))
    if json:
        as_json(page)
    else:
        show(page)


async def _consent(contact: str, subscription: str | None, state: str, basis: str, why: str) -> ConsentPage:
    from starter.client import ref
    from starter.compose import connect_client
    from starter.crm import consent as kept

    async with connect_client() as client:
        record = ref(contact)
        if state:
            to: OptState = "opted_in" if state == "opted_in" else "opted_out"
            await kept.say(client.pool, record, subscription, to, by=who(), basis=basis, explanation=why)
        page = (await client.record(record, 0)).consent
        if page is None:
            raise CallerError(f"{record} is no contact; only contacts give consent")
        return page


def show(page: ConsentPage) -> None:
    """Print what is known of a contact's consent, for people."""
    if page.marketing_until:
        typer.echo(f"Marketing contact until {instant(page.marketing_until)}.")
    elif page.marketing is not None:
        typer.echo("Marketing contact." if page.marketing else "No marketing contact.")
    if page.bounced_address:
        typer.echo(f"{page.bounced_address} bounced for good, {instant(page.bounced_at)}.")
    if not page.words:
        typer.echo("Nothing was said of any subscription.")
        return
    rows = [
        (
            *(each.subscription or f"all {each.channel}", each.state.replace("_", " "), each.by_whom),
            *(each.basis, each.explanation, instant(each.at)),
        )
        for each in page.words
    ]
    as_table(("Of", "Now", "By", "Legal basis", "Explanation", "When"), rows)


COMMANDS: dict[str, Callable[..., None]] = {"subscriptions": subscriptions, "consent": consent}
