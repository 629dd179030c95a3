"""Who we are to a web server: the ways in which a request of a flow names a secret, and how the secret is put in.

A flow holds the names of secrets only. They are looked up when a request is sent, for each attempt anew, so they stand
neither in a revision nor in the ledger.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from activities.action import Do, Refused
from activities.effects import Request
from activities.signatures import hubspot, standard, standard_key
from activities.web_requests import auth_header, header_value, with_query

APP_SECRET = "app_secret"  # noqa: S105 - a name
"""The secret that signs where a step does not name another."""

SecretName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]


class _Auth(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def applied(self, request: Request, do: Do) -> Request:
        """Give the request with what proves who we are."""
        raise NotImplementedError


class Signature(_Auth):
    """Sign as HubSpot does, with the app's secret: version 2, and 3 beside it."""

    signature: Literal[True] | SecretName = Field(
        description="The name of the secret to sign with; true for the one that is called app_secret."
    )

    def applied(self, request: Request, do: Do) -> Request:
        """See _Auth."""
        secret = do.secrets.get(APP_SECRET if self.signature is True else self.signature)
        return _with_headers(request, **hubspot(secret, request.method, request.url, request.body, do.now))


class ApiKey(_Auth):
    """Send a key as a header or as a parameter of the query."""

    api_key: SecretName = Field(description="The name of the secret.")
    name: str = Field(description="What the header, or the parameter, is called.", min_length=1, max_length=200)
    in_: Literal["header", "query"] = Field("header", alias="in", description="Where the key goes.")

    def applied(self, request: Request, do: Do) -> Request:
        """See _Auth."""
        key = do.secrets.get(self.api_key)
        if self.in_ == "query":
            return replace(request, url=with_query(request.url, {self.name: key}))
        return _with_headers(request, **{self.name: _clean(key)})

    @model_validator(mode="after")
    def _names_a_header(self) -> Self:
        if self.in_ == "header":
            auth_header(self.name)
        return self


class Bearer(_Auth):
    """Send a token as `Authorization: Bearer TOKEN`."""

    bearer: SecretName = Field(description="The name of the secret that is the token.")

    def applied(self, request: Request, do: Do) -> Request:
        """See _Auth."""
        return _with_headers(request, Authorization=f"Bearer {_clean(do.secrets.get(self.bearer))}")


class Basic(_Auth):
    """Send a user and a password as `Authorization: Basic ...`."""

    basic: SecretName = Field(description="The name of the secret, which reads USER:PASSWORD.")

    def applied(self, request: Request, do: Do) -> Request:
        """See _Auth."""
        pair = b64encode(do.secrets.get(self.basic).encode()).decode()
        return _with_headers(request, Authorization=f"Basic {pair}")


_KINDS: dict[str, type[_Auth]] = {"signature": Signature, "api_key": ApiKey, "bearer": Bearer, "basic": Basic}


def _kind(auth: Any) -> str | None:  # noqa: ANN401 - whatever stands in a file
    keys = auth if isinstance(auth, dict) else type(auth).model_fields if isinstance(auth, _Auth) else ()
    return next((kind for kind in _KINDS if kind in keys), None)


Auth = Annotated[
    Annotated[Signature, Tag("signature")]
    | Annotated[ApiKey, Tag("api_key")]
    | Annotated[Bearer, Tag("bearer")]
    | Annotated[Basic, Tag("basic")],
    Discriminator(
        _kind,
        custom_error_type="unknown_auth",
        custom_error_message="write {signature: true}, or name a secret: {api_key: SECRET, name: X-Api-Key}, "
        "{bearer: SECRET} or {basic: SECRET}",
    ),
]
"""The ways to say who we are, told apart by their key."""


def proven(request: Request, auth: Auth | None, sign: str | Sequence[str], do: Do) -> Request:
    """Give the request with what proves who we are, and signed by Standard Webhooks with each secret of `sign`."""
    if auth:
        request = auth.applied(request, do)
    try:
        keys = [standard_key(do.secrets.get(name)) for name in ([sign] if isinstance(sign, str) else sign)]
    except ValueError as error:
        raise Refused("bad_secret", str(error)) from None
    return _with_headers(request, **standard(keys, do.key, request.body, do.now)) if keys else request


def _clean(secret: str) -> str:
    return header_value(secret, "bad_secret")


def _with_headers(request: Request, /, **headers: str) -> Request:
    """Add headers, in place of those that are called the same but for capitals."""
    added = {name.lower() for name in headers}
    kept = {name: value for name, value in request.headers.items() if name.lower() not in added}
    return replace(request, headers={**kept, **headers})
