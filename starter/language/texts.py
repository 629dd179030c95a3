"""The tokens in the texts of a step: one that nobody can fill is told before the flow is published, at its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starter.language.definitions import Definitions
from starter.language.flow_file import FlowFile, Path
from starter.language.sketch import Filled, Sketch
from workflows.model.templates import OUTPUTS, read
from workflows.model.tokens import check

OutputMistake = Callable[[str, str, str], tuple[str, str] | None]

_OPENS = "{{"


def check_text(sketch: Sketch, text: Filled, output_mistake: OutputMistake) -> None:
    """Note each token in a text that is none, or names what a record of the type and its steps cannot have."""
    file, definitions = sketch.file, sketch.names.definitions
    template, _ = read(text.text)
    outputs = {token.path[1] for token in template.tokens if token.path[0] == OUTPUTS}  # which are checked below
    properties = definitions.properties if definitions else None
    steps = {token.path[0]: token.path[1] for token in template.tokens if token.path[0] in sketch.known_ids}
    for mistake in check(text.text, sketch.object, outputs, properties, html=text.mark.html):
        offset = _offset(text.text, mistake.line, mistake.column)
        _wrong(file, text, offset, "token_error", _meant_output(mistake.message, steps))
    numbers = [part for part in template.parts if isinstance(part, int)]
    for offset, number in zip(template.offsets, numbers, strict=True):
        path = template.tokens[number].path
        if path[0] == OUTPUTS and (found := output_mistake(path[1], path[2], text.step)):
            _wrong(file, text, offset, *found)


def _meant_output(message: str, steps: Mapping[str, str]) -> str:
    """Say how an output is written, to whoever has named a step as if it were a record."""
    for step, key in steps.items():
        if message.startswith(f"{step!r} is not known here"):
            return f"{step!r} is a step; what it puts out is written outputs.{step}.{key}"
    return message


def check_letter(file: FlowFile, text: Filled, object_type: str, definitions: Definitions | None) -> None:
    """Note each token in a text that is written for records of a type, in whatever flow."""
    properties = definitions.properties if definitions else None
    for mistake in check(text.text, object_type, (), properties, html=text.mark.html, links=True):
        _wrong(file, text, _offset(text.text, mistake.line, mistake.column), "token_error", mistake.message)


def _offset(text: str, line: int, column: int) -> int:
    begin = 0
    for _ in range(line - 1):
        begin = text.find("\n", begin) + 1
    return begin + column - 1


def _wrong(file: FlowFile, text: Filled, offset: int, code: str, message: str) -> None:
    """Note a mistake at a token."""
    at = _in_file(file, text.path, text.text, offset)
    file.wrong_at(file.at(text.path) if at is None else at, text.path, code, message)


def _in_file(file: FlowFile, path: Path, text: str, offset: int) -> int | None:
    """Find a token in the source of its text: quotes, folds and escapes move it, but the tokens stay in their order."""
    spot = file.spot(path)
    if spot is None or file.text.count(_OPENS, spot.begin, spot.end) != text.count(_OPENS):
        return None
    at = spot.begin - len(_OPENS)
    for _ in range(text.count(_OPENS, 0, offset) + 1):
        at = file.text.find(_OPENS, at + len(_OPENS), spot.end)
    return at if at >= 0 else None
