"""`try`: a piece of a flow on a record, a moment or a zone, without running anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, count

if TYPE_CHECKING:
    from starter.trials.moments import Shown, Tried
    from starter.trials.outside import TriedUrl
    from starter.trials.pieces import Selected, TriedCondition

REFUSED = 2
_ZONES_SHOWN = 6

app = typer.Typer(
    name="try",
    no_args_is_help=True,
    help="""Try a piece of a flow: a condition, a text, a delay, a URL, a number. Nothing is run, changed or sent.

A piece is tried on a record (--record contact:42), on values (--with), or on a record with values laid over it.

It asks the database only where a record or a flow is named.
""",
)

Record = Annotated[str | None, typer.Option("--record", metavar="RECORD", help="A record to try it on, as contact:42.")]
Values = Annotated[
    str | None,
    typer.Option(
        "--with",
        metavar="VALUES",
        help="""Values to try it on, as '{"stage": "lead", "outputs": {"opened": {"happened": true}}}'.""",
    ),
]
InFlow = Annotated[
    str | None,
    typer.Option("--flow", metavar="FLOW", help="A flow: its zone, and what its steps have put out for the record."),
]
Object = Annotated[str | None, typer.Option("--object", metavar="TYPE", help="The type of the record; else contact.")]
Zone = Annotated[
    str | None,
    typer.Option("--zone", metavar="ZONE", help="The zone in which days begin, as Europe/Helsinki; else UTC."),
]
ConditionText = Annotated[
    str, typer.Argument(metavar="CONDITION", help="As a flow file has it, or @FILE to read it from a file.")
]
At = Annotated[
    str | None, typer.Option("--at", metavar="MOMENT", help="When it is judged, as 2026-03-29T02:30; else now.")
]
Sql = Annotated[bool, typer.Option("--sql", help="Show it as SQL, and how many records of the database meet it now.")]
Days = Annotated[str | None, typer.Option("--on", metavar="DAYS", help="Until a weekday, as tue,thu.")]
AtTime = Annotated[str | None, typer.Option("--at-time", metavar="TIME", help="At a time of day, as 11:00.")]
Date = Annotated[
    str | None, typer.Option("--date", metavar="DATE", help="Until a date, or a datetime as a property may hold it.")
]
Away = Annotated[int, typer.Option("--days", help="So many days after the date; before it, if negative.")]
Since = Annotated[str | None, typer.Option("--from", metavar="MOMENT", help="When the step is entered; else now.")]


@app.command()
def condition(  # noqa: PLR0913 - each is an option
    text: ConditionText,
    *,
    record: Record = None,
    values: Values = None,
    flow: InFlow = None,
    object_: Object = None,
    at: At = None,
    zone: Zone = None,
    sql: Sql = False,
    json: Json = False,
) -> None:
    """Say a condition as a sentence, what it reads, whether it is met, and why, part by part.

    Exit status: 0 it was judged, met or not; 2 it is no condition.

    Examples:
        perdure try condition '{property: stage, is: lead}' --with '{"stage": "lead"}'
        perdure try condition '{property: renewal_date, before: today}' --record contact:42
        perdure try condition @vip.yaml --sql
    """
    from starter.trials import pieces
    from starter.trials.subjects import Asked

    asked = Asked(record, values, flow, object_, at, zone)
    tried = asyncio.run(pieces.condition(*_read(text, "condition"), asked, sql=sql))
    if json:
        as_json(tried)
    else:
        _print_condition(tried)


def _read(text: str, name: str) -> tuple[str, str]:
    """Give a text and what its places are counted in: the argument, or the file that it names."""
    from starter.language.flow_file import read_file

    if not text.startswith("@"):
        return text, name
    return read_file(Path(text[1:])), text[1:]


def _print_condition(tried: TriedCondition) -> None:
    from workflows.model.conditions import explained

    typer.echo(tried.sentence)
    reads = ", ".join(["the record", *tried.reads])
    _print([("reads", reads), ("at", f"{tried.now:%Y-%m-%d %H:%M:%S} UTC; days begin in {tried.zone}")])
    if tried.verdict is not None:
        of = tried.record or "these values"
        typer.echo(f"\n{'Met' if tried.verdict.met else 'Not met'} by {of}:\n{explained(tried.verdict, '  ')}")
    if tried.selected is not None:
        _print_selected(tried.selected)


def _print_selected(selected: Selected) -> None:
    typer.echo(f"\n{selected.sql}")
    for number, value in enumerate(selected.parameters, 1):
        typer.echo(f"  ${number} = {repr(value) if isinstance(value, str) else value}")
    if selected.meet is not None and selected.of is not None:
        typer.echo(
            f"\n{selected.meet:,} of {count(selected.of, 'record')} of the type {selected.parameters[0]} meet it."
        )


def _print(lines: Iterable[tuple[str, str]]) -> None:
    for name, said in lines:
        typer.echo(f"  {name:<9}{said}")


@app.command()
def tokens(  # noqa: PLR0913 - each is an option
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A text with tokens, or @FILE to read it from a file.")],
    *,
    record: Record = None,
    values: Values = None,
    flow: InFlow = None,
    object_: Object = None,
    html: Annotated[bool, typer.Option("--html", help="It is HTML: values are escaped where they stand.")] = False,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Fill the tokens of a text; mistakes are told with line and column.

    Associated records, the owner, outputs and the event may be given too, by the word that a token begins with.

    As: --with '{"firstname": "Anna", "company": {"name": "Acme"}, "owner": {"email": "bo@example.com"}}'

    Exit status: 0 filled, 2 a mistake in the text.

    Examples:
        perdure try tokens 'Hello {{ contact.firstname | default("there") }}' --with '{"firstname": "Anna"}'
        perdure try tokens @welcome.txt --record contact:42
    """
    from starter.trials import pieces
    from starter.trials.subjects import Asked

    asked = Asked(record, values, flow, object_, None, zone)
    tried = asyncio.run(pieces.text(*_read(text, "text"), asked, html=html))
    if json:
        as_json(tried)
    else:
        typer.echo(tried.text)


@app.command()
def when(  # noqa: PLR0913 - each is an option
    length: Annotated[
        str | None, typer.Argument(metavar="LENGTH", help="A length of time, as '2 days' or '1 hour 30 minutes'.")
    ] = None,
    *,
    on: Days = None,
    at_time: AtTime = None,
    date: Date = None,
    days: Away = 0,
    since: Since = None,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Say when a delay ends: in UTC and on the wall clock of the zone, and where the clocks are moved in between.

    Exit status: 0 there is an answer, 2 no delay can be meant so.

    Examples:
        perdure try when '2 days'
        perdure try when --on tue,thu --at-time 11:00 --zone Europe/Helsinki
        perdure try when --date 2026-12-24 --days -3 --at-time 09:00
    """
    from starter.trials import moments

    weekdays = tuple(each.strip() for each in on.split(",")) if on else ()
    tried = moments.tried(length, moments.Until(weekdays, at_time, date, days), since, moments.zone_of(zone))
    if json:
        as_json(tried)
    else:
        _print_moments(tried)


def _print_moments(tried: Tried) -> None:
    _print_moment("from", tried.since, tried.zone)
    if tried.until is not None:
        _print_moment("until", tried.until, tried.zone)
    else:
        typer.echo(f"until  at once: {tried.because}; with `if_past: end` the record would leave")


def _print_moment(word: str, shown: Shown, zone: str) -> None:
    typer.echo(f"{word:<5}  {shown.instant:%Y-%m-%d %H:%M:%S} UTC = {shown.weekday} {shown.wall_clock} in {zone}")
    if shown.note:
        typer.echo(f"       {shown.note}")


@app.command()
def url(
    text: Annotated[str, typer.Argument(metavar="URL", help="A URL, as https://hooks.example.com/in.")],
    *,
    json: Json = False,
) -> None:
    """Say whether a flow may call a URL: how it reads, each address of its host, and why it is let through or not.

    Nothing is sent; the name is looked up. PERDURE_OUTBOUND__ALLOW lists internal targets that flows may call as well.

    Exit status: 0 allowed, 1 the host has no address, 2 refused.

    Examples:
        perdure try url https://hooks.example.com/in
    """
    from starter.settings import Settings
    from starter.trials import outside

    tried = asyncio.run(outside.url(text, Settings.load().outbound.allowed))
    if json:
        as_json(tried)
    else:
        _print_url(tried)
    if not tried.is_allowed:
        raise typer.Exit(REFUSED)


def _print_url(tried: TriedUrl) -> None:
    typer.echo(tried.url if tried.url.isprintable() else ascii(tried.url))
    if tried.host:
        _print([("host", tried.host), ("port", str(tried.port)), ("asks for", tried.target)])
    for each in tried.addresses:
        typer.echo(f"  {each.address:<39}  {'refused: ' if each.is_refused else ''}{each.why}")
    typer.echo("Allowed." if tried.is_allowed else f"Refused: {tried.why}.")


@app.command()
def phone(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="A telephone number, as people write it.")],
    *,
    country: Annotated[
        str | None, typer.Option("--country", metavar="CC", help="The country of a number without +, as US.")
    ] = None,
    json: Json = False,
) -> None:
    """Read a telephone number: as E.164, its kind, country and time zones, and whether such a number is given out.

    Exit status: 0 it can be called, 2 it is no number.

    Examples:
        perdure try phone '(415) 555-2671' --country US
        perdure try phone +358401234567 --json
    """
    from starter.trials.outside import phone as read

    found = read(number, country)
    if json:
        as_json(found)
        return
    typer.echo(found.e164)
    kind = found.kind.replace("_", " ")
    more = f" and {len(found.zones) - _ZONES_SHOWN} more" if len(found.zones) > _ZONES_SHOWN else ""
    _print(
        [
            ("written", f"{found.international}, or {found.national} within the country"),
            ("country", found.country or "none; it is of the whole world"),
            ("kind", f"{kind}; it costs whoever calls it, and no text is sent to it" if found.is_costly else kind),
            ("valid", "yes" if found.is_valid else "no: it has the right length, but no such number is given out"),
            ("zones", ", ".join(found.zones[:_ZONES_SHOWN]) + more or "unknown"),
        ]
    )
