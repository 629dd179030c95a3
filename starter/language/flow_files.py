"""Many flow files at once: found by name or in folders, and checked together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from activities.catalogue import Catalogue
from starter.language.compile import Checked, check_source
from starter.language.contents import CONTENTS, content_of
from starter.language.definitions import Definitions
from starter.language.flow_file import FlowMistakes, Mistake, read, read_file, written
from starter.language.steps import every_step
from workflows.model.errors import CallerError

ENDINGS = (".yaml", ".yml", ".json")
_SCHEMA = ".schema.json"


@dataclass(frozen=True)
class Source:
    """A file and its text; None, with the reason, where it has none that can be read."""

    path: Path
    text: str | None
    unread: tuple[Mistake, ...] = ()

    @property
    def name(self) -> str:
        """The file's name in messages: as its user wrote it."""
        return str(self.path)


@dataclass(frozen=True)
class CheckedFile:
    """A file and what was found in it."""

    source: Source
    found: Checked
    what: str = "flow"
    """The top key of the file, by which its kind is told."""

    @property
    def lines(self) -> list[str]:
        """All that was found, a line each, in the order of the file; what is no mistake is marked."""
        marked = [(m, "") for m in self.found.mistakes]
        marked += [(m, "missing: ") for m in self.found.missing] + [(m, "warning: ") for m in self.found.warnings]
        return [str(replace(m, message=mark + m.message)) for m, mark in sorted(marked)]

    @property
    def warnings(self) -> list[str]:
        """What is doubtful, a line each."""
        return [str(replace(m, message=f"warning: {m.message}")) for m in self.found.warnings]

    @property
    def as_data(self) -> list[dict[str, JsonValue]]:
        """All that was found, as data."""
        found = self.found
        marked = [(m, "error") for m in found.mistakes] + [(m, "missing") for m in found.missing]
        return [
            {**asdict(m), "severity": mark} for m, mark in sorted(marked + [(m, "warning") for m in found.warnings])
        ]


def is_file_name(what: str) -> bool:
    """Tell whether a word of the command line names a flow file, and not the key of a flow."""
    return what.endswith(ENDINGS) or "/" in what or Path(what).is_file()


def find(paths: Iterable[Path]) -> list[Path]:
    """Give flow files: those named, and in folders those below them. What is hidden, or a schema, is left out.

    Raise CallerError where a folder has none.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        for file in _inside(path) if path.is_dir() else [path]:
            files.setdefault(file.resolve(), file)
    return list(files.values())


def _inside(folder: Path) -> list[Path]:
    inside = sorted(file for file in folder.rglob("*") if file.suffix in ENDINGS and _is_meant(file, folder))
    if not inside:
        raise CallerError(f"{folder}: no flow file is in this folder; they end in {' or '.join(ENDINGS)}")
    return inside


def _is_meant(file: Path, folder: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return not is_hidden and not file.name.endswith(_SCHEMA) and file.is_file()


def sources(files: Iterable[Path]) -> list[Source]:
    """Read files."""
    found = []
    for file in files:
        try:
            found.append(Source(file, read_file(file)))
        except FlowMistakes as error:
            found.append(Source(file, None, error.mistakes))
    return found


def with_files(definitions: Definitions, files: Iterable[Source]) -> Definitions:
    """Give definitions with the flows and other contents of files, so that they may name each other."""
    read_all = [read(file.text, file.name).data for file in files if file.text is not None]
    data = [each for each in read_all if isinstance(each, dict)]
    definitions = definitions.with_flows(str(each["flow"]) for each in data if "flow" in each).with_emails({})
    for each in data:
        if kind := content_of(each):
            definitions = CONTENTS[kind].declare(definitions, str(each[kind]), each)
    return definitions


def check_files(
    files: Sequence[Source],
    catalogue: Catalogue,
    *,
    definitions: Definitions | None = None,
    draft: bool = False,
    each: Callable[[int], None] = lambda _number: None,
) -> list[CheckedFile]:
    """Check files, each by itself and all for keys that are taken. What is unreadable is a mistake like others.

    `each` is told how many are checked.
    """
    checked = []
    for number, file in enumerate(files, 1):
        checked.append(_checked(file, catalogue, definitions, draft))
        each(number)
    return list(_without_twins(checked))


def _checked(file: Source, catalogue: Catalogue, definitions: Definitions | None, draft: bool) -> CheckedFile:  # noqa: FBT001 - handed on
    if file.text is None:
        return CheckedFile(file, Checked(flow=None, mistakes=file.unread, warnings=(), missing=(), key="", name=""))
    source = read(file.text, file.name)
    if kind := content_of(source.data):
        return CheckedFile(file, CONTENTS[kind].check(source, catalogue, definitions), kind)
    return CheckedFile(file, check_source(source, catalogue, definitions=definitions, draft=draft))


def _without_twins(files: Iterable[CheckedFile]) -> Iterator[CheckedFile]:
    """Refuse the second file of one flow or content: which of them would win must not depend on their names."""
    first: dict[tuple[str, str], str] = {}
    for file in files:
        found = file.found
        what = file.what
        if found.key and first.setdefault((what, found.key), file.source.name) != file.source.name:
            line, column = read(file.source.text or "", file.source.name).place((what,))
            said = f"{first[what, found.key]} is the {what} {found.key!r}, too; give one of them another key"
            twin = Mistake(file.source.name, line, column, what, f"duplicate_{what}", said)
            yield replace(file, found=replace(found, flow=None, content=None, mistakes=(twin, *found.mistakes)))
        else:
            yield file


def placed(file: CheckedFile, step: str | None, code: str, message: str) -> Mistake:
    """Word a mistake about a step of a checked file, by its id, or about the flow's object type."""
    parsed = read(file.source.text or "", file.source.name)
    paths = (path for path, each in every_step(parsed.data) if step is not None and each.get("id") == step)
    path = next(((*path, "do") for path in paths), ("object",))
    return Mistake(file.source.name, *parsed.place(path), written(path), code, message)


def counted(files: Collection[CheckedFile]) -> tuple[int, int, int]:
    """Count the mistakes, the missing pieces and the warnings of files."""
    found = [file.found for file in files]
    return sum(len(f.mistakes) for f in found), sum(len(f.missing) for f in found), sum(len(f.warnings) for f in found)
