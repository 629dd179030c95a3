from __future__ import annotations

import pytest

from activities.links import NoLinks, SignedLinks, Unsubscribing
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

ANNA = RecordRef.parse("contact:1")
LINKS = SignedLinks("https://crm.example.com/perdure/", "k" * 32)


def token(links: SignedLinks = LINKS, contact: RecordRef = ANNA) -> str:
    link = links.unsubscribe(contact, "key1")
    assert link is not None
    assert link.startswith("https://crm.example.com/perdure/unsubscribe/")
    return link.rpartition("/")[2]


@pytest.mark.parametrize("contact", ["contact:1", "contact:Änna-ß", "contact:1.2"])
def test_a_link_is_read_back(contact: str) -> None:
    """It says who ends e-mail, and which e-mail that was; each attempt gives the same."""
    ref = RecordRef.parse(contact)
    assert LINKS.unsubscribing(token(contact=ref)) == Unsubscribing(ref, "key1")
    assert token(contact=ref) == token(contact=ref)


def test_a_link_names_the_subscription_that_it_ends() -> None:
    """Where the e-mail was of one; it is signed with the rest."""
    made = LINKS.unsubscribe(ANNA, "key1", "newsletter") or ""
    assert LINKS.unsubscribing(made.rpartition("/")[2]) == Unsubscribing(ANNA, "key1", "newsletter")


def test_a_link_of_another_key_is_none_of_ours() -> None:
    """Nobody who lacks the key makes a link."""
    with pytest.raises(CallerError, match="not one of ours"):
        LINKS.unsubscribing(token(SignedLinks("https://crm.example.com/perdure", "x" * 32)))


def test_no_sign_of_a_link_may_be_another() -> None:
    """Whatever one sign is changed to, left out or added, the link is not ours any more, and never an error of ours."""
    whole = token()
    others = {whole[:at] + sign + whole[at + 1 :] for at in range(len(whole)) for sign in "ABCDEFGHghij-_. é="}
    others |= {whole[:at] + whole[at + 1 :] for at in range(len(whole))}
    spelt = {other for other in others if other != whole}
    assert [other for other in spelt if _is_taken(other)] == []
    assert [other for other in ("", ".", "..", "1..", whole + "x", "2" + whole[1:]) if _is_taken(other)] == []


def _is_taken(token: str) -> bool:
    try:
        LINKS.unsubscribing(token)
    except CallerError:
        return False
    return True


def test_a_link_for_one_purpose_is_none_for_another() -> None:
    """What ends e-mail opens nothing else that is signed with the same key."""
    other = LINKS._token("download", "key1 contact:1")
    with pytest.raises(CallerError):
        LINKS.unsubscribing(other)


def test_a_link_holds_no_address() -> None:
    """It stands in logs of strangers: only the record's id and the key are in it."""
    assert len(token()) < 120


def test_without_settings_there_is_no_link() -> None:
    """A header that leads nowhere would be worse than none."""
    assert NoLinks().unsubscribe(ANNA, "key1") is None
