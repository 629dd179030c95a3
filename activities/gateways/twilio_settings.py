"""How Twilio is reached, whom texts are sent to, and how many."""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from activities.effects import TextLimits

_MOST = TextLimits()
_LIMITS = tuple(TextLimits.__dataclass_fields__)
_COUNTRIES = re.compile(r"([A-Z]{2}(,[A-Z]{2})*)?")
_BASE = re.compile(r"https?://[A-Za-z0-9.:-]+")


class TwilioSettings(BaseModel):
    """The account that texts are sent from. The auth token also proves that what Twilio tells us is from Twilio."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_sid: str = Field(pattern=r"^AC[0-9a-f]{32}$", description="The SID of the Twilio account, AC...")
    auth_token: SecretStr = Field(min_length=1, description="Its auth token.")
    sender: str = Field(
        pattern=r"^(\+[1-9]\d{6,14}|MG[0-9a-f]{32}|\d{3,8}|[A-Za-z0-9 ]{1,11})$",
        description="Who texts are from: a number as +14155552671, a short code, a name, or a messaging service, MG...",
    )
    countries: str = Field(
        "",
        description="The countries that texts may go to, as FI,SE; without it that of the sender's number. "
        "Numbers without a country are of the first.",
    )
    a_minute: int = Field(_MOST.a_minute, ge=1, description="Texts to colleagues in 60 seconds, at most.")
    an_hour: int = Field(_MOST.an_hour, ge=1, description="Texts to colleagues in 60 minutes, at most.")
    a_month: int = Field(_MOST.a_month, ge=1, description="Texts to colleagues in a calendar month (UTC), at most.")
    a_day_to_one: int = Field(_MOST.a_day_to_one, ge=1, description="Texts to one number in 24 hours, at most.")
    a_month_to_contacts: int = Field(
        _MOST.a_month_to_contacts, ge=1, description="Texts to contacts in a calendar month (UTC), at most."
    )
    help_text: str = Field("", max_length=320, description="What who texts HELP is answered; nothing without it.")
    base_url: str | None = Field(None, description="Where Twilio's API is, for tests with a stand-in of it.")

    @field_validator("countries")
    @classmethod
    def _are_countries(cls, value: str) -> str:
        listed = value.replace(" ", "").upper()
        if not _COUNTRIES.fullmatch(listed):
            raise ValueError("write countries by two letters, separated by commas, as FI,SE")
        return listed

    @field_validator("base_url")
    @classmethod
    def _is_an_origin(cls, value: str | None) -> str | None:
        if value is not None and (not _BASE.fullmatch(value) or urlsplit(value).path):
            raise ValueError("write an origin without a path, as http://127.0.0.1:4010")
        return value

    @model_validator(mode="after")
    def _lists_countries(self) -> Self:
        if not self.countries and not self.sender.startswith("+"):
            raise ValueError("list the countries that texts may go to in PERDURE_TWILIO__COUNTRIES, as FI,SE")
        return self

    @property
    def limits(self) -> TextLimits:
        """How many texts are sent at most."""
        return TextLimits(**{name: getattr(self, name) for name in _LIMITS})

    def listed(self) -> tuple[str, ...]:
        """Give the countries that texts may go to, the first of which is that of numbers without one."""
        from activities.gateways.phone_numbers import read

        if self.countries:
            return tuple(self.countries.split(","))
        return (read(self.sender).country or "",)
