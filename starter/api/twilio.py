"""What Twilio tells us: how far a text came, and what is texted to us. Each request carries Twilio's signature.

The signature is of the URL as Twilio was given it, so behind a proxy it is that of PERDURE_PUBLIC_URL that counts, and
of the fields of the form. All that is not signed so is turned away in the same words.
"""

from __future__ import annotations

from http import HTTPStatus
from xml.sax.saxutils import escape

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from activities.effects import Texted
from activities.twilio_words import INBOUND, STATES, STATUS, wish
from starter.api.answers import ApiError
from starter.api.desk import desk_of
from starter.crm.texts import Received, take_status, take_text

_FORM = "application/x-www-form-urlencoded"
_NOTHING = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_SAYING = '<?xml version="1.0" encoding="UTF-8"?><Response><Message>{text}</Message></Response>'


async def status(request: Request) -> Response:
    """Take how far a text came."""
    form = await _signed(request)
    sid, state = form.get("MessageSid", ""), STATES.get(form.get("MessageStatus", ""), "initiated")
    error = form.get("ErrorCode", "") if state == "failed" else ""
    if sid:
        await take_status(desk_of(request).client.pool, request.path_params["key"], Texted(sid, state, error=error))
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def inbound(request: Request) -> Response:
    """Take what was texted to us; answer HELP in the words of the settings, and nothing else."""
    form = await _signed(request)
    text, desk = form.get("Body", ""), desk_of(request)
    read = wish(text, form.get("OptOutType", ""))
    received = Received(form.get("MessageSid", ""), form.get("From", ""), form.get("To", ""), text, read)
    if received.sid and received.phone:
        await take_text(desk.client.pool, received)
    said = desk.settings.twilio.help_text if read == "help" and desk.settings.twilio else ""
    return Response(_SAYING.format(text=escape(said)) if said else _NOTHING, media_type="text/xml")


async def _signed(request: Request) -> QueryParams:
    """Read the form of a request that Twilio signed; raise ApiError for any other."""
    from twilio.request_validator import RequestValidator

    settings = desk_of(request).settings
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if settings.twilio is None or settings.public_url is None or kind != _FORM:
        raise _stranger()
    try:
        form = QueryParams((await request.body()).decode())
    except UnicodeDecodeError:
        raise _stranger() from None
    url = f"{settings.public_url.rstrip('/')}{request.url.path}"
    url += f"?{request.url.query}" if request.url.query else ""
    validator = RequestValidator(settings.twilio.auth_token.get_secret_value())
    if not validator.validate(url, form, request.headers.get("x-twilio-signature", "")):
        raise _stranger()
    return form


def _stranger() -> ApiError:
    return ApiError(HTTPStatus.FORBIDDEN, "bad_signature", "this is not signed by our account's Twilio")


ROUTES = [
    Route(f"/{STATUS}/{{key}}", status, methods=["POST"]),
    Route(f"/{INBOUND}", inbound, methods=["POST"]),
]
