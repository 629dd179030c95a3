"""One run of the demo, from an empty folder to what became of everybody."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from deploy.local.home import Home
from starter.demo.files import CONTACTS, RECEIVER
from starter.demo.life import Life
from starter.demo.report import Lost, how_to_go_on, invite, report
from starter.demo.screen import Look, watching
from starter.demo.stage import Stage, staged
from starter.interrupts import interrupts, unless
from workflows.model.errors import EngineError

if TYPE_CHECKING:
    from rich.console import Console

    from starter.demo.screen import Watch
    from starter.settings import Settings

SPEED = 86_400.0
"""How fast the flow's clock runs where the user does not say: a day takes a second."""

A_DAY = 24 * 60 * 60

TICK = 0.3
"""Seconds between two looks; at each, a few people do something."""

WITHIN, WITHIN_DAYS = 100.0, 20
"""Seconds, and days of the flow beside, in which all must have come to their end: several times what they need."""

LOST_ON, LOST_BY = 1.5, 10.0
"""The days between which the worker is lost, once half of the people rest; after the second day, rest or no rest."""


async def demo(settings: Settings, console: Console, *, keep: bool = False) -> None:
    """Run the demo, and with `keep` keep its stack up until Ctrl-C. PERDURE_CLOCK_SPEED makes it faster or slower.

    Raise Interrupted at Ctrl-C before the end, EngineError when it does not come to an end.
    """
    home = Home(settings.home / "demo").resolved()
    clock = asyncio.get_running_loop().time
    began, speed = clock(), SPEED if settings.clock_speed == 1 else settings.clock_speed
    with interrupts() as stop:
        async with AsyncExitStack() as parts:
            stage = await unless(stop, parts.enter_async_context(staged(home, settings, console, speed)))
            lost = await unless(stop, _played(stage, console, A_DAY / speed))
            await unless(stop, report(stage, lost, console))
            console.print(f"\nAll of it took {clock() - began:.0f} seconds, on this machine alone.")
            if keep:
                await invite(stage, console)
                await stop.wait()
            else:
                how_to_go_on(console)
    if keep:
        console.print("Stopped.")


async def _played(stage: Stage, console: Console, day: float) -> Lost | None:
    put = stage.put
    console.print(
        f"Loaded {put.records} records, {put.users} users and {put.associations} associations, and published "
        f"{put.published}: all from starter/examples."
    )
    if stage.receiver.url != RECEIVER:
        console.print(f"{RECEIVER} is taken on this machine; here the flow's webhook goes to {stage.receiver.url}.")
    life = Life.of(stage.client, put.flow.key, CONTACTS)
    await life.ask_for_a_demo()
    console.print(
        f"{len(life.people)} people ask for a demo on the website: the CRM inserts an event for each. The flow "
        f"{put.flow.name!r} follows them up.\nIts pauses are real ones, of days; PERDURE_CLOCK_SPEED makes a day take "
        f"{'a second' if day == 1 else f'{day:g} seconds'} here.\nWeb UI, while it runs: {stage.web_ui}"
    )
    within = WITHIN + WITHIN_DAYS * day
    try:
        async with asyncio.timeout(within):
            with watching(console) as watch:
                return await _walked(stage, life, watch, console, day)
    except TimeoutError:
        message = f"Not all came to their end within {within:.0f} s; look into {stage.home.logs}."
        raise EngineError(message) from None


async def _walked(stage: Stage, life: Life, watch: Watch, console: Console, day: float) -> Lost | None:
    """Watch everybody to the end; on the way the worker is lost once."""
    clock = asyncio.get_running_loop().time
    began, lost = clock(), None
    while True:
        stage.check_worker()
        seconds, inside, places = clock() - began, await stage.counting.inside(), await stage.counting.places()
        look = Look(seconds / day, seconds, places, inside)
        watch(look)
        if inside.over:
            return lost
        await life.go_on()
        if lost is None and _may_be_lost(look, stage.counting.resting) and await stage.lose_the_worker():
            lost = Lost(look.day, inside.inside)
            console.print(f"  The worker was killed (kill -9), with {inside.inside} people inside; another one starts.")
        await asyncio.sleep(TICK)


def _may_be_lost(look: Look, resting: frozenset[str]) -> bool:
    rest = sum(place.here for place in look.places if place.node in resting)
    half = bool(look.inside.inside) and 2 * rest >= look.inside.inside
    return look.day > LOST_ON and (half or look.day > LOST_BY)
