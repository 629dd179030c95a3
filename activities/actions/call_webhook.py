"""Call a web server with the record, or with a body of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator

from activities.action import Action, Do, Done, Preparing
from activities.web_answers import Unit, judge, taken
from activities.web_auth import Auth, SecretName, proven
from activities.web_requests import BARE, Body, Content, Headers, Method, Query, Url, frozen
from workflows.model.policy import Retry

OutputName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]


class CallWebhook(Action):
    """Call a web server: send it the record, or a body of your own, and keep what it answers.

    Without `body` it is sent the record as HubSpot sends it: a contact as `{vid, properties: {NAME: {value,
    versions}}}` with the history of its properties, another record as `{objectId, objectType, properties: {NAME:
    {value}}}`. In a `body` of your own a text takes tokens, `{property: NAME}` and `{output: STEP.KEY}` stand for a
    value as it is, and all else is sent as written. GET and DELETE send no body. Secrets are named, never written; the
    operator gives them (PERDURE_SECRETS__NAME, or a file in PERDURE_SECRETS_FOLDER).

    The address is https://, of the public internet; the operator may list others (PERDURE_OUTBOUND__ALLOW). Any status
    of 200 to 299 is success. 5xx, 408, 425, 429 and a server that cannot be reached within 3 s or does not answer
    within 30 s are tried again for 3 days: first after a minute, then ever more rarely, at most 8 hours apart, or as
    the server's Retry-After says. All else fails the step at once: `http_404` and the like, `redirect_not_followed`,
    `response_too_large` (over 1 MiB or 100 headers), `url_blocked`, `invalid_header`, `unknown_secret`.

    Each try sends the same bytes under the same `Idempotency-Key`, so a server that knows it does its part once. After
    5xx or a lost answer nobody knows whether it did; with `repeat: at_most_once` it is not tried again then.
    """

    kind: ClassVar = "call_webhook"
    place: ClassVar = "outside"
    outputs: ClassVar = {
        "status": "The status of the answer, as 200.",
        "body": "The answer as text, cut at 63 KiB; with `keep` there are its outputs instead.",
    }
    examples: ClassVar = (
        "{do: call_webhook, id: tell, url: https://hooks.example.com/new-contact, auth: {signature: true}}",
        """\
do: call_webhook
id: score
url: https://api.example.com/score
auth: {api_key: scoring_key, name: X-Api-Key}
sign: [webhook_key, webhook_key_before]
body: {email: "{{ contact.email }}", deals: {property: num_deals}, source: perdure}
keep: {score: result.score, segment: result.segments.0}
""",
        """\
do: call_webhook
id: look-up
method: GET
url: https://api.example.com/people/{{ contact.email }}
query: {fields: plan}
headers: {Accept: application/json}
auth: {bearer: directory_token}
keep: {plan: plan}
""",
    )
    retry: ClassVar[Retry] = Retry(first=timedelta(minutes=1), most=timedelta(hours=8))

    url: Url = Field(description="The address; values are put in as parts of it.", min_length=1)
    method: Method = Field("POST", description="The method of the request.")
    query: Query = Field({}, description="Parameters that are added to the address.", max_length=100)
    headers: Headers = Field({}, description="Headers; a secret goes into `auth`.", max_length=50)
    auth: Auth | None = Field(
        None,
        description="How to say who we are, by the name of a secret: `{signature: true}`, `{api_key: SECRET, name: "
        "X-Api-Key}` (and `in: query`), `{bearer: SECRET}` or `{basic: SECRET}`, which is USER:PASSWORD.",
    )
    sign: SecretName | Annotated[list[SecretName], Field(max_length=5)] = Field(
        [], description="Secrets to sign with by Standard Webhooks, beside `auth`; several while they are exchanged."
    )
    body: Body | None = Field(None, description="What is sent, as JSON; without it, the record.")
    keep: dict[OutputName, str] = Field(
        {}, description="Outputs to take from a JSON answer, each by its path, as `result.score`.", max_length=50
    )
    retry_after: Unit = Field(
        "seconds", description="What a number in Retry-After counts: seconds, or milliseconds, as HubSpot reads it."
    )

    @model_validator(mode="after")
    def _has_a_body_or_none(self) -> Self:
        if self.body is not None and self.method in BARE:
            raise ValueError(f"{self.method} sends no body; put it into `query`")
        return self

    @classmethod
    def outputs_of(cls, config: Mapping[str, object]) -> Mapping[str, str]:
        """See Action."""
        keep = config.get("keep")
        kept = {name: f"What stands at {path}." for name, path in keep.items()} if isinstance(keep, dict) else {}
        return {"status": cls.outputs["status"], **kept} if kept else cls.outputs

    async def prepare(self, preparing: Preparing) -> dict[str, JsonValue]:
        """Freeze the address, the headers and the bytes of the body; see Action."""
        given = self.model_dump(mode="json", include={"url", "query", "headers", "body"})
        return (await frozen(preparing, self.method, given)).model_dump(mode="json")

    async def perform(self, do: Do) -> Done:
        """Send what was prepared, with the secrets of this moment."""
        request = Content.model_validate(do.prepared).request(self.method, do.key)
        request = proven(request, self.auth, self.sign, do)
        response = await do.http.send(request)
        judge(response, do.now, self.retry_after)
        return Done(line=f"HTTP {response.status}", output=taken(response, self.keep))
