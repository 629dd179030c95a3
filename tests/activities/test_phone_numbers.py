from __future__ import annotations

from zoneinfo import available_timezones

import phonenumbers
import pytest

from activities.gateways.phone_numbers import MOST_CHARACTERS, NotANumber, read


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("(415) 555-2671", "US", "+14155552671"),
        ("1-415-555-2671", "US", "+14155552671"),
        ("415.555.2671", "US", "+14155552671"),
        ("+1 415 555 2671", None, "+14155552671"),
        ("tel:+1-415-555-2671", None, "+14155552671"),
        ("011 358 40 1234567", "US", "+358401234567"),
        ("040 123 4567", "FI", "+358401234567"),
        ("+358 (0)40 123 4567", None, "+358401234567"),
        ("00358401234567", "FI", "+358401234567"),
        ("07911 123456", "GB", "+447911123456"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("0171 1234567", "DE", "+491711234567"),
        ("090-1234-5678", "JP", "+819012345678"),
        ("+39 06 698 12345", None, "+390669812345"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("\uff0b\uff11 415 555 2671", None, "+14155552671"),
        ("+800 1234 5678", None, "+80012345678"),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, country: str | None, e164: str) -> None:
    """One number, however it is written, is one E.164, which is read again as itself."""
    assert read(text, country).e164 == e164
    assert read(e164).e164 == e164


@pytest.mark.parametrize(
    ("text", "country", "said"),
    [
        ("", None, "it reads as"),
        ("hello", "US", "it reads as"),
        ("+", None, "it reads as"),
        ("415 555 2671", None, "of which country"),
        ("040", "FI", "too few digits"),
        ("+3581", None, "too few digits"),
        ("112", "FI", "too few digits"),
        ("555 2671", "US", "area code is missing"),
        ("+1 415 555 26711", None, "too many digits"),
        ("+1 415 555 2671 2345 6789", None, "too many digits"),
        ("+999 123 456", None, "no country has this calling code"),
        ("415 555 2671", "UK", "no country with telephone numbers"),
        ("415 555 2671", "us", "no country with telephone numbers"),
        ("415 555 2671", "", "no country with telephone numbers"),
        ("1" * (MOST_CHARACTERS + 1), "US", "characters at most"),
    ],
)
def test_what_cannot_exist_is_refused_with_a_reason(text: str, country: str | None, said: str) -> None:
    """A text that is no number says what it lacks."""
    with pytest.raises(NotANumber, match=said):
        read(text, country)


@pytest.mark.parametrize(
    ("e164", "kind", "is_costly"),
    [
        ("+358401234567", "mobile", False),
        ("+14155552671", "fixed_line_or_mobile", False),
        ("+442079460958", "fixed_line", False),
        ("+18003569377", "toll_free", False),
        ("+19005551234", "premium_rate", True),
        ("+358600123456", "premium_rate", True),
        ("+491803123456", "shared_cost", True),
    ],
)
def test_the_kind_tells_what_it_costs(e164: str, kind: str, is_costly: bool) -> None:
    """Numbers that cost whoever calls them are told from the others."""
    found = read(e164)
    assert (found.kind, found.is_costly) == (kind, is_costly)


def test_a_number_of_the_right_length_may_not_be_given_out() -> None:
    """Possible and valid are two things: nobody has a number that begins with 1 in an American area."""
    found = read("+1 415 155 2671")
    assert (found.e164, found.is_valid, found.kind) == ("+14151552671", False, "unknown")


def test_a_number_has_a_country_and_zones() -> None:
    """Country and time zones come with it; a number of the whole world has neither."""
    assert (read("+358401234567").country, read("+358401234567").zones[0]) == ("FI", "Europe/Helsinki")
    assert (read("+80012345678").country, read("+80012345678").zones) == (None, ())


def test_an_extension_is_kept_beside_the_number() -> None:
    """E.164 has no place for it."""
    found = read("+44 20 7946 0958 ext. 12")
    assert (found.e164, found.extension) == ("+442079460958", "12")


@pytest.mark.parametrize("country", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_example_of_each_country_is_read(country: str) -> None:
    """Each country's example is valid, however it is written, and its zones are zones."""
    example = phonenumbers.example_number(country)
    assert example
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
    assert [read(e164).e164, read(national, country).e164] == [e164, e164]
    assert read(e164).is_valid
    assert {*read(e164).zones} <= available_timezones()
