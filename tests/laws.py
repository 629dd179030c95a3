"""The laws of the code base as checks: each takes the root of a tree and returns the breaches."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CODE = ("workflows", "activities", "starter", "deploy")
EVERYWHERE = (*CODE, "worker.py", "tests")
MODULE_LINES = 400
FUNCTION_LINES = 40
VAGUE = frozenset({"common", "helper", "helpers", "manager", "misc", "util", "utils"})
IMPURE = frozenset(
    {
        "asyncio",
        "http",
        "io",
        "logging",
        "os",
        "pathlib",
        "random",
        "secrets",
        "shutil",
        "socket",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib",
    }
)
POLLS = "until.py"
UNSHIPPED = frozenset({".git", ".hypothesis", ".perdure", ".venv", "__pycache__", "build"})
MACHINE_PATH = re.compile(
    r"(?<![\w.-])/(?:root|work)/"
    r"|(?<![\w.-])/(?:home|Users)/(?!app\b|nonroot\b|perdure\b)[\w.-]+/"
    r"|/opt/(?:pypi|wheels)"
    r"|[A-Z]:\\Users"
)
STATED_VERSION = re.compile(r"(?:__version__ = \"|\bperdure:|perdure-)(\d+\.\d+\.\d+)")
RELEASE = re.compile(r"^## \[(\d+\.\d+\.\d+)\]", re.MULTILINE)

type_of_function = (ast.FunctionDef, ast.AsyncFunctionDef)


class Module(NamedTuple):
    """A Python file: where it is in its tree, its text and its syntax tree."""

    place: Path
    text: str
    tree: ast.Module


def modules(root: Path, *places: str) -> Iterator[Module]:
    """Every Python file of the given folders (or files) that exist, in order."""
    for place in places:
        start = root / place
        for file in sorted(start.rglob("*.py")) if start.is_dir() else [start] if start.exists() else []:
            text = file.read_text(encoding="utf-8")
            yield Module(file.relative_to(root), text, ast.parse(text))


def shipped_files(root: Path) -> Iterator[Path]:
    """Every file that belongs to the project, not to its tools."""
    for file in sorted(root.rglob("*")):
        parts = file.relative_to(root).parts
        ours = not any(p in UNSHIPPED or p.endswith(("_cache", ".egg-info")) for p in parts)
        if ours and file.is_file():
            yield file


def line_limit(place: Path) -> int:
    """How many lines a module may have, by where it stands."""
    if place.parts[:2] == ("activities", "actions"):
        return 120
    return {"workflows/interpreter.py": 250, "worker.py": 119}.get(place.as_posix(), MODULE_LINES)


def long_modules(root: Path) -> list[str]:
    """Modules above their limit."""
    return [
        f"{m.place}: {lines} lines, at most {line_limit(m.place)}"
        for m in modules(root, *EVERYWHERE)
        if (lines := len(m.text.splitlines())) > line_limit(m.place)
    ]


def long_functions(root: Path) -> list[str]:
    """Functions and methods above 40 lines, docstring included."""
    return [
        f"{m.place}:{f.lineno} {f.name}: {lines} lines"
        for m in modules(root, *EVERYWHERE)
        for f in ast.walk(m.tree)
        if isinstance(f, type_of_function) and (lines := (f.end_lineno or 0) - f.lineno + 1) > FUNCTION_LINES
    ]


def vague_names(root: Path) -> list[str]:
    """Files and folders whose name says nothing."""
    return [
        m.place.as_posix()
        for m in modules(root, *EVERYWHERE)
        if VAGUE & {word for part in m.place.with_suffix("").parts for word in part.lower().split("_")}
    ]


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and absolute name of every import, also of `import_module("...")`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant):
                yield node.lineno, str(name.value)


def importers_of_worker(root: Path) -> list[str]:
    """Modules that import the composition root."""
    return [
        f"{m.place}:{line}"
        for m in modules(root, *EVERYWHERE)
        for line, name in imported(m.tree)
        if name.split(".")[0] == "worker"
    ]


def imports_outside(root: Path, folder: str, *allowed: str) -> list[str]:
    """Imports in a folder that are neither of the pure standard library nor under an allowed name."""
    pure = sys.stdlib_module_names - IMPURE
    return [
        f"{m.place}:{line} {name}"
        for m in modules(root, folder)
        for line, name in imported(m.tree)
        if name.split(".")[0] not in pure and not any(f"{name}.".startswith(f"{a}.") for a in allowed)
    ]


def undocumented(root: Path) -> list[str]:
    """Public modules, classes, functions and methods without a docstring."""

    def inside(name: str, body: list[ast.stmt]) -> Iterator[str]:
        for node in body:
            if not isinstance(node, (ast.ClassDef, *type_of_function)) or node.name.startswith("_"):
                continue
            waived = {"overload", "override"} & {ast.unparse(d).split(".")[-1] for d in node.decorator_list}
            if not waived and not ast.get_docstring(node):
                yield f"{name}:{node.lineno} {node.name}"
            if isinstance(node, ast.ClassDef):
                yield from inside(name, node.body)

    breaches = []
    for m in modules(root, *CODE, "worker.py"):
        if not ast.get_docstring(m.tree):
            breaches.append(m.place.as_posix())
        breaches += inside(m.place.as_posix(), m.tree.body)
    return breaches


def tests_without_claim(root: Path) -> list[str]:
    """Test functions that do not say what they claim."""
    return [
        f"{m.place}:{f.lineno} {f.name}"
        for m in modules(root, "tests")
        for f in ast.walk(m.tree)
        if isinstance(f, type_of_function) and f.name.startswith("test_") and not ast.get_docstring(f)
    ]


def waits_by_sleeping(root: Path) -> list[str]:
    """Calls in tests that wait for a guessed time; `asyncio.sleep(0)` only lets others run."""
    return [
        f"{m.place}:{call.lineno} {ast.unparse(call)}"
        for m in modules(root, "tests")
        if m.place.name != POLLS
        for call in ast.walk(m.tree)
        if isinstance(call, ast.Call) and _guesses_a_time(call)
    ]


def _guesses_a_time(call: ast.Call) -> bool:
    if ast.unparse(call.func) == "time.sleep":
        return True
    if ast.unparse(call.func) not in {"sleep", "asyncio.sleep"} or not call.args:
        return False
    seconds = call.args[0]
    return isinstance(seconds, ast.Constant) and seconds.value != 0


def urls_in_lock(root: Path) -> list[str]:
    """Lines of a lock, ours or the image's, that name an index or a file of one."""
    locks = [file for file in (root / "requirements.lock", root / "deploy" / "requirements.lock") if file.exists()]
    return [line for lock in locks for line in lock.read_text(encoding="utf-8").splitlines() if "://" in line]


def unlocked_requirements(root: Path) -> list[str]:
    """Requirements of pyproject.toml without a fitting pin in the lock, and pins that nothing asks for."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    wanted = [Requirement(r) for group in (project.get("dependencies", []), *extras) for r in group]
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE))
    direct = re.findall(r"^([\w.-]+)==(?:.*\\\n)+.*\n    # via perdure", lock, re.MULTILINE)
    names = {canonicalize_name(r.name) for r in wanted}
    return [
        str(r) for r in wanted if pins.get(name := canonicalize_name(r.name), "") not in r.specifier or name not in pins
    ] + [f"{name}: locked, not asked for" for name in direct if canonicalize_name(name) not in names]


def other_versions(root: Path) -> list[str]:
    """Places that state another version of Perdure than pyproject.toml."""
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    breaches = []
    for file in shipped_files(root):
        if file.suffix in {".py", ".md", ".yaml", ".yml", ".toml"} or file.name == "Dockerfile":
            stated = STATED_VERSION.findall(file.read_text(encoding="utf-8"))
            stated += RELEASE.findall(file.read_text(encoding="utf-8"))[:1] if file.name == "CHANGELOG.md" else []
            breaches += [f"{file.relative_to(root)}: {v}" for v in stated if v != version]
    return breaches


def machine_paths(root: Path) -> list[str]:
    """Lines that name a folder of the machine someone works on."""
    return [
        f"{file.relative_to(root)}:{number} {found[0]}"
        for file in shipped_files(root)
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if (found := MACHINE_PATH.search(line))
    ]
