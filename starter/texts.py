"""The tokens in the texts of a step: one that nobody can fill is told before the flow is published."""

from __future__ import annotations

from starter.flow_file import FlowFile, Path
from workflows.model.tokens import check


def check_tokens(file: FlowFile, place: Path, text: str, object_type: str, steps: list[str]) -> None:
    """Note each token in a text that is none, or names what a record of the type and its steps cannot have."""
    for mistake in check(text, object_type, steps):
        where, _, said = mistake.partition(": ")
        is_place = said and where.replace(":", "").isdigit()
        file.wrong(place, f"{said} (at {where} of the text)" if is_place else mistake)
