"""Sends text messages by Twilio, and tells what became of each: not sent, refused, or unknown.

Twilio has no key against repetition. So each message is written down in the log before Twilio is asked, and one that
may have been taken is looked up there before it is sent again. Its callbacks carry the key of the effect, too: the
first of them tells what an answer that was lost would have told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from activities.action import Ambiguous, Refused, Retryable, Skipped
from activities.effects import Sms, Texted, TextLimits, TextMessage
from activities.gateways import phone_numbers
from activities.twilio_words import OPTED_OUT, STATES, STATUS

if TYPE_CHECKING:
    from activities.gateways.text_log import TextLog
    from activities.gateways.twilio_settings import TwilioSettings
    from activities.gateways.twilio_transport import HttpxTwilio

MENDING = timedelta(minutes=5)
"""How long to leave Twilio alone where an operator has to mend something: the token, the sender."""

CLOCKS = timedelta(minutes=5)
"""How far Twilio's clock and that of our database may be apart."""

NEWEST = 100
"""How many messages to one number are looked through; no more are sent in a day."""

MOST_FOLLOWED = 30
"""Effects that wait at a time for what comes of their texts: each holds a place of the worker, which others need."""

_REFUSALS = {
    21211: "bad_number",
    21214: "bad_number",
    21217: "bad_number",
    21265: "bad_number",
    21408: "country_refused",
    21612: "unreachable_number",
    21614: "not_mobile",
    21602: "no_text",
    21617: "text_too_long",
}
_TO_MEND = frozenset({20003, 20005, 20008, 20404, 21212, 21603, 21606, 21609, 21659, 21701, 21703, 21705})
"""What is wrong with our account or our sender, not with the message."""

_BUSY = frozenset({429, 20429})
_NOTE_CHARACTERS = 1000


@dataclass(frozen=True)
class Pace:
    """How a message is followed: for so long, asking the log so often, and Twilio after ever longer pauses."""

    within: float = 90.0
    look: float = 1.0
    growth: float = 1.7


class TwilioSms(Sms):
    """Sends through one account. Close it when done; nothing of the SDK is loaded before the first message."""

    def __init__(
        self, settings: TwilioSettings, log: TextLog, public_url: str | None = None, pace: Pace | None = None
    ) -> None:
        """Keep to `log`; where `public_url` is given, Twilio tells us there what became of each message."""
        self._settings, self._log, self._pace = settings, log, pace or Pace()
        self._callback = f"{public_url.rstrip('/')}/{STATUS}" if public_url and not _is_here(public_url) else None
        self._http: HttpxTwilio | None = None
        self._followed = 0

    @property
    def limits(self) -> TextLimits:
        """See Sms."""
        return self._settings.limits

    def number(self, written: str) -> str:
        """See Sms."""
        try:
            number = phone_numbers.read(written, self._countries[0] or None)
        except phone_numbers.NotANumber as error:
            raise Refused("bad_number", str(error)) from None
        if number.is_costly:
            raise Refused("number_refused", f"{number.e164} costs whoever texts it ({number.kind})")
        if number.country not in self._countries:
            raise Refused("country_refused", f"{number.e164} is of {number.country or 'no country'}, not a listed one")
        if not number.is_valid:
            raise Refused("bad_number", f"{number.e164} is of no range that {number.country} gives out")
        return number.e164

    async def send(self, message: TextMessage, key: str) -> Texted:
        """See Sms."""
        begun = await self._log.begin(message, key)
        if begun.texted:
            return begun.texted
        if begun.before and (found := await self._looked_up(message, key, begun.before)):
            return found
        if begun.opted_out:
            raise Skipped("opted_out")
        try:
            texted = await self._created(message, key)
        except (Refused, Skipped, Retryable) as surely_not:
            if begun.before is None:
                await self._log.forget(key)
            if isinstance(surely_not, Skipped):
                await self._log.opt_out(message.to, str(OPTED_OUT))
            raise
        await self._log.settle(key, texted)
        return texted

    async def followed(self, sids: Collection[str]) -> Mapping[str, Texted]:
        """See Sms; of a crowd that is sent at once the last are not waited for."""
        if self._followed >= MOST_FOLLOWED:
            return await self._log.known(sids)
        self._followed += 1
        try:
            return await self._waited_for(sids)
        finally:
            self._followed -= 1

    async def _waited_for(self, sids: Collection[str]) -> Mapping[str, Texted]:
        known = await self._log.known(sids)
        clock = asyncio.get_running_loop().time
        until, pause, ask_at = clock() + self._pace.within, self._pace.look, clock()
        while clock() < until and (waiting := [sid for sid, each in known.items() if each.state == "initiated"]):
            await asyncio.sleep(self._pace.look)
            if clock() >= ask_at + pause:
                await asyncio.gather(*(self._fetch(sid) for sid in waiting))
                pause, ask_at = pause * self._pace.growth, clock()
            known = await self._log.known(sids)
        return known

    async def close(self) -> None:
        """Close the idle connections."""
        if self._http is not None:
            await self._http.close()

    async def _created(self, message: TextMessage, key: str) -> Texted:
        sender = self._settings.sender
        by = {"messaging_service_sid": sender} if _is_service(sender) else {"from_": sender}
        asked = by | ({"status_callback": f"{self._callback}/{key}"} if self._callback else {})
        try:
            return _texted(await self._client.messages.create_async(to=message.to, body=message.text, **asked))
        except Exception as error:  # noqa: BLE001 - the SDK wraps some errors, and hands on others
            # `from None`: Twilio's words may quote the number, and causes are shown wherever errors are.
            raise judged(error) from None

    async def _looked_up(self, message: TextMessage, key: str, before: datetime) -> Texted | None:
        """Find a message that an earlier attempt may have sent, and that is no other effect's.

        It is not asked for by the day it was sent: one that still waits to be sent has no such day.
        """
        try:
            newest = await self._client.messages.list_async(to=message.to, limit=NEWEST, page_size=NEWEST)
        except Exception as error:  # noqa: BLE001 - as above
            failed = judged(error)
            raise Ambiguous(failed.code, failed.note) from None
        alike = [each for each in reversed(newest) if _is_alike(each, message.text, before - CLOCKS)]
        taken = await self._log.taken([each.sid for each in alike])
        for each in alike:
            if each.sid not in taken and await self._log.settle(key, _texted(each)):
                return _texted(each)
        return None

    async def _fetch(self, sid: str) -> None:
        """Ask what became of a message; where that fails, it is asked again later."""
        try:
            found = _texted(await self._client.messages(sid).fetch_async())
        except Exception:  # noqa: BLE001 - as above; nothing depends on this one answer
            return
        await self._log.news(found)

    @cached_property
    def _countries(self) -> tuple[str, ...]:
        return self._settings.listed()

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - the SDK tells no types
        from twilio.rest import Client

        from activities.gateways.twilio_transport import HttpxTwilio

        self._http = HttpxTwilio(self._settings.base_url)
        token, no_environment = self._settings.auth_token.get_secret_value(), {"TWILIO_EDGE": ""}
        return Client(self._settings.account_sid, token, http_client=self._http, environment=no_environment)


def judged(error: Exception) -> Refused | Skipped | Retryable | Ambiguous:
    """Say what a failure means: what Twilio refuses was surely not sent; after 5xx or silence nobody knows."""
    import httpx

    status, code = getattr(error, "status", None), getattr(error, "code", None)
    note = str(getattr(error, "msg", "") or getattr(error, "detail", "") or error)[:_NOTE_CHARACTERS]
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return Retryable("sms_unreachable", note or type(error).__name__)
    if status is None or status >= 500:  # noqa: PLR2004 - as HTTP has it
        return Ambiguous("sms_unanswered", note or type(error).__name__)
    if {status, code} & _BUSY:
        return Retryable("sms_busy", note)
    if code == OPTED_OUT:
        return Skipped("opted_out", note)
    if code in _TO_MEND or status in (401, 403):
        return Retryable("sms_config", f"{code}: {note}", MENDING)
    return Refused(_REFUSALS.get(code or 0, f"twilio_{code or status}"), note)


def _texted(message: Any) -> Texted:  # noqa: ANN401 - as above
    state = STATES.get(str(message.status), "initiated")
    error = str(message.error_code or "") if state == "failed" else ""
    return Texted(str(message.sid), state, int(message.num_segments or 0), error)


def _is_alike(message: Any, text: str, since: datetime) -> bool:  # noqa: ANN401 - as above
    """Tell whether a message of Twilio's says this; an account on trial puts words of Twilio's before it."""
    body, made = str(message.body or "").strip(), message.date_created
    is_ours = not str(message.direction or "").startswith("inbound")
    return is_ours and body.endswith(text.strip()) and made is not None and made >= since


def _is_service(sender: str) -> bool:
    return len(sender) > 30 and sender.startswith("MG")  # noqa: PLR2004 - no number or name is that long


def _is_here(url: str) -> bool:
    """Tell whether a URL leads to this machine, where Twilio cannot call."""
    return url.startswith("http://")
