"""Pushes to browsers and telephones by Web Push: encrypted for the device (RFC 8291), signed by us (RFC 8292).

The library makes the message; it travels through our own guarded HTTP, for whoever registers a device has written the
address that we then call.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from activities.action import Ambiguous, Refused, Retryable, Skipped
from activities.effects import Http, Push, Pushed, Request
from activities.gateways.push_keys import as_pem, read_key

if TYPE_CHECKING:
    from activities.gateways.postgres_inbox import Devices, Subscription
    from activities.gateways.push_settings import PushSettings

MOST_BYTES = 3_993
"""Of a message before it is encrypted: all push services take 4,096 of it afterwards."""

KEPT = timedelta(days=1)
"""How long a push service keeps a message for a device that is switched off; it stays in the centre anyway."""

WITHIN = timedelta(seconds=5)
"""How long a push service may take: the record waits."""

_GONE = frozenset({404, 410})
_TAKEN = range(200, 300)
_STEP = 100


class WebPush(Push):
    """Pushes under one pair of keys. The library is loaded by the first push."""

    def __init__(self, settings: PushSettings, http: Http, devices: Devices) -> None:
        """Push through `http`, to what `devices` knows."""
        self._settings, self._http, self._devices = settings, http, devices

    async def push(self, device: str, message: Pushed, key: str) -> str:
        """See Push."""
        subscription = await self._devices.subscription(device)
        if subscription is None:
            raise Skipped("device_gone")
        try:
            return await self._sent(device, subscription, message, key)
        except (Refused, Retryable, Ambiguous) as trouble:
            await self._devices.failed(device, trouble.code)
            raise

    async def _sent(self, device: str, subscription: Subscription, message: Pushed, key: str) -> str:
        response = await self._http.send(self._request(subscription, message, key))
        code = f"http_{response.status}"
        if response.status in _GONE:
            await self._devices.gone(device, subscription, code)
            raise Skipped("device_gone", code)
        if response.status not in _TAKEN:
            raise Refused(code)
        await self._devices.pushed(device)
        return code

    def _request(self, to: Subscription, message: Pushed, key: str) -> Request:
        from webpush.types import WebPushSubscription

        library = self._library
        try:
            keys = {"p256dh": to.p256dh, "auth": to.auth}
            known = WebPushSubscription.model_validate({"endpoint": to.endpoint, "keys": keys})
            made = library.get(payload(message), known)
        except ValueError as error:
            raise Refused("bad_subscription", type(error).__name__) from None
        # A message under the same topic takes the place of one that the device has not fetched yet.
        headers = {**made.headers, "topic": key, "content-type": "application/octet-stream"}
        return Request("POST", to.endpoint, headers, made.encrypted, WITHIN)

    @cached_property
    def _library(self) -> Any:  # noqa: ANN401 - it tells no types
        import webpush

        try:
            private, public = as_pem(read_key(self._settings.private_key.get_secret_value().strip()))
        except ValueError as error:
            raise Refused("bad_push_key", f"PERDURE_PUSH__PRIVATE_KEY: {error}") from None
        return webpush.WebPush(private, public, self._settings.subscriber, ttl=int(KEPT.total_seconds()))


def payload(message: Pushed) -> bytes:
    """Write what the device is sent, as JSON; a long text is cut, and stands whole in the centre."""
    said = {"id": message.id, "title": message.title, "body": message.body, "record": str(message.record)}
    while len(data := to_json(said)) > MOST_BYTES:
        longest = "body" if len(said["body"]) > len(said["title"]) else "title"
        said[longest] = f"{said[longest][: -_STEP - 1]}…"
    return data
