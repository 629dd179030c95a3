from __future__ import annotations

import pytest

from activities.catalogue import Catalogue
from activities.effects import PropertyDefinition
from starter.language.compile import Checked, check_flow
from starter.language.definitions import Definitions
from workflows.model.nodes import Perform

CATALOGUE = Catalogue.load()
DEFINITIONS = Definitions({"contact": {"email": PropertyDefinition("text"), "deals": PropertyDefinition("number")}})
URL = "https://hooks.example.com/in"


def checked(*settings: str, before: str = "") -> Checked:
    lines = "".join(f"    {line}\n" for each in settings for line in each.splitlines())
    text = f"flow: a\nobject: contact\nsteps:\n{before}  - do: call_webhook\n    id: hook\n{lines}"
    return check_flow(text, CATALOGUE, "a.yaml", draft=False, definitions=DEFINITIONS)


@pytest.mark.parametrize(
    "settings",
    [
        [f"url: {URL}"],
        ["url: http://crm.internal:8080/x"],
        ["url: '{{ contact.email }}'"],
        [f"url: {URL}/{{{{ contact.email }}}}?x={{{{ contact.deals }}}}"],
        ["url: https://{{ contact.email }}.example.com/x"],
        [f"url: {URL}", "auth: {signature: true}"],
        [f"url: {URL}", "auth: {signature: other_app}"],
        [f"url: {URL}", "auth: {api_key: key, name: Authorization}"],
        [f"url: {URL}", "auth: {api_key: key, name: any name, in: query}"],
        [f"url: {URL}", "sign: key"],
        [f"url: {URL}", "sign: [key, key-2]"],
        [f"url: {URL}", "method: GET", "query: {a: 1, b: true, c: '{{ contact.email }}'}"],
        [f"url: {URL}", "headers: {property: '{{ contact.email }}', X-N: 5}"],
        [f"url: {URL}", "body: {a: {property: deals}, b: [{c: '{{ contact.email }}'}, null]}"],
        [f"url: {URL}", "body: {}", "keep: {score: result.0.score}", "retry_after: milliseconds"],
    ],
)
def test_what_can_be_called_is_taken(settings: list[str]) -> None:
    """Also where only its values will tell, and where only the operator can know."""
    assert checked(*settings).mistakes == ()


@pytest.mark.parametrize(
    ("settings", "code", "hint"),
    [
        (["url: http://2130706433/"], "url_blocked", "four decimal numbers"),
        (["url: http://127.1/"], "url_blocked", "four decimal numbers"),
        (["url: ftp://example.com/"], "url_blocked", "begins with https://"),
        (["url: https://u:p@example.com/"], "url_blocked", "a secret belongs into a header"),
        (["url: https://example.com:5432/"], "url_blocked", "PostgreSQL"),
        (["url: 'https://u:p@example.com/{{ contact.email }}'"], "url_blocked", "a secret belongs"),
        (["url: https://example.com/a b"], "url_blocked", "a blank"),
        (["url: ''"], "bad_value", "empty"),
        ([f"url: {URL}", 'headers: {X-A: "b\\r\\nX-C: d"}'], "invalid_header", "line break"),
        ([f"url: {URL}", "headers: {'X A': b}"], "invalid_header", "no name of a header"),
        ([f"url: {URL}", "headers: {'X-A:': b}"], "invalid_header", "no name of a header"),
        ([f"url: {URL}", "headers: {hOST: b}"], "invalid_header", "connection"),
        ([f"url: {URL}", "headers: {Proxy-Authorization: b}"], "invalid_header", "connection"),
        ([f"url: {URL}", "headers: {Authorization: Bearer x}"], "invalid_header", "name it in `auth`"),
        ([f"url: {URL}", "headers: {webhook-id: x}"], "invalid_header", "set by Perdure"),
        ([f"url: {URL}", "headers: {X-a: x, x-A: y}"], "invalid_header", "twice"),
        ([f"url: {URL}", "auth: {token: x}"], "bad_value", "{bearer: SECRET}"),
        ([f"url: {URL}", "auth: {api_key: key}"], "missing_key", "`name`"),
        ([f"url: {URL}", "auth: {api_key: key, name: Host}"], "bad_value", "connection"),
        ([f"url: {URL}", "auth: {bearer: 'sk-12345 and so on'}"], "bad_name", "not allowed"),
        ([f"url: {URL}", "method: HEAD"], "unknown_value", "POST, GET"),
        ([f"url: {URL}", "method: GET", "body: {a: 1}"], "bad_value", "GET sends no body"),
        ([f"url: {URL}", "body: {a: {property: dealz}}"], "unknown_property", "did you mean 'deals'?"),
        ([f"url: {URL}", "body: {a: {output: gone.x}}"], "unknown_step", "no step 'gone'"),
        ([f"url: {URL}", "body: {a: ['{{ contact.emial }}']}"], "token_error", "did you mean 'email'?"),
        ([f"url: {URL}", "query: {a: '{{ contact.email'}"], "token_error", "closing"),
        ([f"url: {URL}", "keep: {'a b': x}"], "bad_name", "not allowed"),
        (["method: GET"], "missing_key", "`url`"),
    ],
)
def test_what_cannot_be_called_is_told(settings: list[str], code: str, hint: str) -> None:
    """Before it is published, at its place and with what to do."""
    (mistake,) = checked(*settings).mistakes
    assert (mistake.code, hint in mistake.message) == (code, True), mistake


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("{{ outputs.first.score }}", []),
        ("{{ outputs.first.status }}", []),
        ("{{ outputs.first.body }}", ["unknown_output"]),
        ("{{ outputs.first.skore }}", ["unknown_output"]),
    ],
)
def test_the_outputs_of_an_answer_are_known(text: str, codes: list[str]) -> None:
    """Those that the step keeps are there for later texts and bodies, and no others."""
    before = f"  - {{do: call_webhook, id: first, url: '{URL}', keep: {{score: a.b}}}}\n"
    found = checked(f"url: {URL}", f"body: {{a: '{text}', b: {{output: first.score}}}}", before=before)
    assert [each.code for each in found.mistakes] == codes


def test_a_token_is_told_at_its_place_in_a_body() -> None:
    """The mistake points at the token, however deep it stands."""
    (mistake,) = checked(f"url: {URL}", "body:\n  deep: [{x: 'ab {{ contact.emial }}'}]").mistakes
    assert (mistake.line, mistake.column) == (8, 22)


def test_the_policy_is_that_of_webhooks() -> None:
    """Three days from the first minute on, and eight hours at most between two tries, frozen into the revision."""
    flow = checked(f"url: {URL}").flow
    assert flow is not None
    node = flow.node("hook")
    assert isinstance(node, Perform)
    assert [each.total_seconds() for each in (node.retry.first, node.retry.most, node.retry.within)] == [
        60,
        8 * 3600,
        3 * 86400,
    ]
