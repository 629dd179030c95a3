"""Telephone numbers: what a person has written as the one number that it is, E.164, and what is known of it.

Google's libphonenumber knows the plans of all countries; its numbers are data that changes with each release, so what
it says is never asked for in a workflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber as Parsed

MOST_CHARACTERS = 100
"""Characters of a number as it is written; the longest there is has 15 digits."""

COSTLY = frozenset({"premium_rate", "shared_cost"})
"""Kinds of numbers that cost whoever calls them; no text is sent to them."""

_NO_COUNTRY = "001"
_UNKNOWN_ZONE = "Etc/Unknown"
_WRONG = {
    "INVALID_COUNTRY_CODE": "no country has this calling code",
    "INVALID_LENGTH": "it has too few or too many digits",
    "TOO_SHORT": "it has too few digits",
    "TOO_LONG": "it has too many digits",
    "IS_POSSIBLE_LOCAL_ONLY": "the area code is missing",
}


class NotANumber(ValueError):
    """What is written is no telephone number, or not clearly one of a country; the message says what to do."""


@dataclass(frozen=True)
class PhoneNumber:
    """A number that can exist. `is_valid` tells that its digits are of a range that its country gives out."""

    e164: str
    international: str
    national: str
    extension: str
    country: str | None
    calling_code: int
    kind: str
    is_valid: bool
    zones: tuple[str, ...]

    @property
    def is_costly(self) -> bool:
        """Tell whether it costs whoever calls it."""
        return self.kind in COSTLY


def read(text: str, country: str | None = None) -> PhoneNumber:
    """Read a number; one without `+` is of `country`, as US. Raise NotANumber when it cannot exist."""
    import phonenumbers

    if country is not None and country not in phonenumbers.SUPPORTED_REGIONS:
        raise NotANumber(f"{country[:20]!r} is no country with telephone numbers; write two letters, as US or GB")
    if len(text) > MOST_CHARACTERS:
        raise NotANumber(f"a telephone number is written in {MOST_CHARACTERS} characters at most")
    try:
        parsed = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        raise NotANumber(_told(text, country, error.error_type)) from None
    possible = phonenumbers.is_possible_number_with_reason(parsed)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        reason = phonenumbers.ValidationResult.to_string(possible)
        raise NotANumber(f"{text!r} is no telephone number: {_WRONG.get(reason, reason)}")
    return _known(parsed)


def _told(text: str, country: str | None, error: int) -> str:
    from phonenumbers import NumberParseException

    match error:
        case NumberParseException.INVALID_COUNTRY_CODE if country is None and "+" not in text:
            return f"{text!r}: of which country? Write it with its calling code, as +14155552671, or name a country"
        case NumberParseException.INVALID_COUNTRY_CODE:
            why = _WRONG["INVALID_COUNTRY_CODE"]
        case NumberParseException.NOT_A_NUMBER:
            why = "it reads as +14155552671"
        case NumberParseException.TOO_LONG:
            why = _WRONG["TOO_LONG"]
        case _:
            why = _WRONG["TOO_SHORT"]
    return f"{text!r} is no telephone number: {why}"


def _known(parsed: Parsed) -> PhoneNumber:
    import phonenumbers
    from phonenumbers import timezone

    formats = phonenumbers.PhoneNumberFormat
    region = phonenumbers.region_code_for_number(parsed)
    zones = tuple(timezone.time_zones_for_number(parsed))
    return PhoneNumber(
        e164=phonenumbers.format_number(parsed, formats.E164),
        international=phonenumbers.format_number(parsed, formats.INTERNATIONAL),
        national=phonenumbers.format_number(parsed, formats.NATIONAL),
        extension=parsed.extension or "",
        country=None if region == _NO_COUNTRY else region,
        calling_code=parsed.country_code or 0,
        kind=phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(parsed)).lower(),
        is_valid=phonenumbers.is_valid_number(parsed),
        zones=() if zones == (_UNKNOWN_ZONE,) else zones,
    )
