"""What stands in files beside flows: e-mails, lists, sequences and so on, told by its top key and checked so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from activities.catalogue import Catalogue
from activities.sequences import flow_of
from starter.language.compile import Checked
from starter.language.definitions import Definitions
from starter.language.email_file import check_email, may_be_sent
from starter.language.flow_file import FlowFile
from starter.language.list_file import check_list_file, kind_of_list
from starter.language.sequence_file import check_sequence
from starter.language.subscription_file import check_subscription_file

Data = dict[str, JsonValue]


class ContentKind(NamedTuple):
    """A kind of content: what its file is, how its file is checked, and what flows may name once it is there."""

    a: str
    """What a file of it is, as "an e-mail"."""
    check: Callable[[FlowFile, Catalogue, Definitions | None], Checked]
    declare: Callable[[Definitions, str, Data], Definitions]

    @property
    def noun(self) -> str:
        """How it is called."""
        return self.a.partition(" ")[2]


def _without_steps(
    check: Callable[[FlowFile, Definitions | None], Checked],
) -> Callable[[FlowFile, Catalogue, Definitions | None], Checked]:
    return lambda file, _catalogue, definitions: check(file, definitions)


def _with_email(definitions: Definitions, key: str, data: Data) -> Definitions:
    return definitions.with_emails({key: may_be_sent(data)})


def _with_list(definitions: Definitions, key: str, data: Data) -> Definitions:
    known = definitions.with_lists([key])
    return known.with_others("static_list", [key]) if kind_of_list(data) == "static" else known


def _with_subscription(definitions: Definitions, key: str, _data: Data) -> Definitions:
    return definitions.with_others("subscription", [key])


def _with_sequence(definitions: Definitions, key: str, _data: Data) -> Definitions:
    return definitions.with_flows([flow_of(key)]).with_others("sequence", [key])


CONTENTS: Mapping[str, ContentKind] = {
    "email": ContentKind("an e-mail", _without_steps(check_email), _with_email),
    "list": ContentKind("a list", _without_steps(check_list_file), _with_list),
    "sequence": ContentKind("a sequence", check_sequence, _with_sequence),
    "subscription": ContentKind("a subscription type", _without_steps(check_subscription_file), _with_subscription),
}
"""All kinds, by the top key of their files; an e-mail may name the subscription that it is of."""


def content_of(data: JsonValue) -> str | None:
    """Give the kind of content that the data of a file is, None for a flow."""
    if not isinstance(data, dict) or "flow" in data:
        return None
    return next((key for key in CONTENTS if key in data), None)
