"""Twilio's words, for those who send by it and for those whom it tells what became of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from activities.effects import TextState

STATUS = "twilio/status"
"""Where Twilio tells what became of a message, under the key of the effect."""

INBOUND = "twilio/inbound"
"""Where Twilio hands over what is texted to us."""

STATES: Mapping[str, TextState] = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending"), "initiated"),
    **dict.fromkeys(("sent", "partially_delivered"), "sent"),
    **dict.fromkeys(("delivered", "read"), "delivered"),
    **dict.fromkeys(("undelivered", "failed", "canceled"), "failed"),
}
"""How far a message came, in Twilio's words and in ours; a word that is not here yet means that it is under way."""

OPTED_OUT = 21610
"""Twilio's code for a number that has texted STOP."""

Wish = Literal["stop", "start", "help"]

_WISHES: Mapping[str, Wish] = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"), "stop"),
    **dict.fromkeys(("START", "UNSTOP"), "start"),
    **dict.fromkeys(("HELP", "INFO"), "help"),
}


def wish(text: str, told: str = "") -> Wish | None:
    """Read what somebody texts as a wish: one word, in whatever case. `told` is what Twilio itself made of it."""
    return _WISHES.get(told.upper()) or _WISHES.get(text.strip().strip(".!\"'").strip().upper())
