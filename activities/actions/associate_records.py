"""Associate the enrolled record with those that match it, or with one that an earlier step has found or made."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Self

from pydantic import Field, JsonValue, model_validator

from activities.action import Action, Do, Done, NameOf, OutputName, OwnProperty, Refused, Skipped
from activities.effects import Link
from activities.properties import compared
from activities.targets import LABEL, OUTPUT, PROPERTY, TYPE, Label
from workflows.model.errors import CallerError
from workflows.model.operators import is_empty
from workflows.model.records import RecordRef

MOST = 1_000


class AssociateRecords(Action):
    """Associate the enrolled record with those that match it, or with one that an earlier step has found or made.

    It matches the records of `type` whose property `with` is the same as the property `match` of the enrolled one, in
    whatever case; without `with`, that of the same name. Or `to_output` gives the record, as `create_record` puts it
    out. They are associated under `label`, beside what there is already; with `primary`, the first of them becomes the
    first of its type. An empty `match`, or one that nothing matches, is skipped (`empty_source`, `no_match`), and so
    is, with `only_if_none`, a record that has one of the type already (`has_association`).

    Nothing is associated where more records match than `at_most` (`too_many_matches`). It fails where the type or a
    property is unknown (`unknown_object_type`, `unknown_property`), and where the output names no record that is there
    (`no_record`). All is one transaction with the visit, and repeating it changes nothing. To find records by a
    property takes long where there are many of them, unless it is a unique one, as `perdure load --by` makes it.
    """

    kind: ClassVar = "associate_records"
    place: ClassVar = "store"
    in_crm: ClassVar = True
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {
        "associated": "How many records are associated that were not.",
        "matched": "How many records match.",
        "record": "The first of them, as `company:7`, by its id.",
    }
    examples: ClassVar = (
        "{do: associate_records, id: to-company, type: company, match: email_domain, with: domain, primary: true}",
        "{do: associate_records, id: to-deal, to_output: open-deal.record, label: buyer}",
    )

    type: Annotated[str, NameOf("associated"), Field(pattern=TYPE)] | None = Field(
        None, description="The type of the records that are looked for."
    )
    match: Annotated[str, OwnProperty(), Field(pattern=PROPERTY)] | None = Field(
        None, description="The property of the enrolled record that is compared."
    )
    with_: Annotated[str, OwnProperty(of="type"), Field(pattern=PROPERTY)] | None = Field(
        None, alias="with", description="The property of the others that it is compared with."
    )
    to_output: Annotated[str, OutputName(), Field(pattern=OUTPUT)] | None = Field(
        None, description="The output of an earlier step that names the record, as `open-deal.record`."
    )
    label: Label = Field("", description=LABEL)
    primary: bool = Field(default=False, description="Whether the first becomes the first of its type for the record.")
    only_if_none: bool = Field(default=False, description="Whether a record that has one of the type is left alone.")
    at_most: int = Field(100, description="How many records may match.", ge=1, le=MOST)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        matches = self.type is not None and self.match is not None
        if matches == (self.to_output is not None) or (not matches and (self.type or self.match or self.with_)):
            message = "give `type` and `match`, or `to_output`"
            raise ValueError(message)
        return self

    async def perform(self, do: Do) -> Done:
        """Find them and associate them through the CRM."""
        found = self._named(do) if self.to_output else await self._matching(do)
        if not found:
            return Done("no_match", {"associated": 0, "matched": 0, "record": None}, outcome="skipped")
        if self.only_if_none and await do.crm.associated(do.record.ref, found[0].type):
            raise Skipped("has_association", f"it has a {found[0].type} already")
        links = [Link(each, self.label, self.primary and not n) for n, each in enumerate(found)]
        new = await do.crm.associate(do.record.ref, links, do.source)
        output: dict[str, JsonValue] = {"associated": new, "matched": len(found), "record": str(found[0])}
        return Done(line=f"associated with {new} of {len(found)} of the type {found[0].type}", output=output)

    def _named(self, do: Do) -> list[RecordRef]:
        step, _, key = (self.to_output or "").partition(".")
        try:
            return [RecordRef.parse(str(do.outputs.get(step, {}).get(key)))]
        except CallerError as error:
            raise Refused("no_record", str(error)) from None

    async def _matching(self, do: Do) -> list[RecordRef]:
        value = do.record.properties.get(str(self.match))
        if is_empty(value):
            raise Skipped("empty_source", f"{self.match} is empty")
        texts = [compared(each) for each in (value if isinstance(value, list) else [value])]
        found = await do.crm.matching(str(self.type), self.with_ or str(self.match), texts, self.at_most + 2)
        others = [each for each in found if each != do.record.ref]
        if len(others) > self.at_most:
            raise Refused("too_many_matches", f"more than {self.at_most} records match")
        return others
