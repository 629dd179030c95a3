from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests import laws

ROOT = Path(__file__).parents[1]
TOOLS = Path(sys.executable).parent
LOCKS = ("requirements.lock", "deploy/requirements.lock")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MODEL_MAY = ("pydantic", "workflows.model")
ACTION_PARTS = (
    "audience",
    "emails",
    "formulas",
    "new_values",
    "notices",
    "plain_text",
    "properties",
    "recipients",
    "sequences",
    "targets",
    "texting",
    "turns",
    "web_answers",
    "web_auth",
    "web_requests",
)
ACTIONS_MAY = (
    *("pydantic", "urllib.parse", "activities.action", "activities.effects", "workflows.model"),
    *(f"activities.{part}" for part in ACTION_PARTS),
)


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def impure_model(root: Path) -> list[str]:
    return laws.imports_outside(root, "workflows/model", *MODEL_MAY)


def entangled_actions(root: Path) -> list[str]:
    return laws.imports_outside(root, "activities/actions", *ACTIONS_MAY)


def locked(pin: str) -> dict[str, str]:
    return {
        "pyproject.toml": '[project]\ndependencies = ["typer>=2"]\n',
        "requirements.lock": f"{pin} \\\n    --hash=sha256:00\n    # via perdure (pyproject.toml)\n",
    }


def versions(files: dict[str, str]) -> dict[str, str]:
    return {"pyproject.toml": '[project]\nversion = "1.2.3"\n', **files}


LONG_BODY = "    pass\n" * 40
BREACHES = [
    pytest.param(laws.long_modules, {"tests/a.py": "#\n" * 401}, id="a module of 401 lines"),
    pytest.param(laws.long_modules, {"activities/actions/a.py": "#\n" * 121}, id="an action of 121 lines"),
    pytest.param(laws.long_modules, {"workflows/interpreter.py": "#\n" * 251}, id="an interpreter of 251 lines"),
    pytest.param(laws.long_modules, {"worker.py": "#\n" * 120}, id="a worker of 120 lines"),
    pytest.param(laws.long_functions, {"starter/a.py": f"def f():\n{LONG_BODY}"}, id="a function of 41 lines"),
    pytest.param(
        laws.long_functions,
        {"deploy/a.py": "class A:\n  async def f(self):\n" + LONG_BODY},
        id="a method of 41 lines",
    ),
    pytest.param(laws.vague_names, {"starter/date_utils.py": ""}, id="a file of utils"),
    pytest.param(laws.vague_names, {"activities/helpers/mail.py": ""}, id="a folder of helpers"),
    pytest.param(laws.importers_of_worker, {"starter/a.py": "import worker"}, id="import worker"),
    pytest.param(laws.importers_of_worker, {"tests/a.py": "from worker import main"}, id="from worker import"),
    pytest.param(
        laws.importers_of_worker,
        {"tests/a.py": "import importlib\nimportlib.import_module('worker')"},
        id="import_module('worker')",
    ),
    pytest.param(impure_model, {"workflows/model/a.py": "import random"}, id="dice in the model"),
    pytest.param(impure_model, {"workflows/model/a.py": "from yaml import load"}, id="a library in the model"),
    pytest.param(
        entangled_actions,
        {"activities/actions/a.py": "from activities.actions.b import B"},
        id="an action that imports another",
    ),
    pytest.param(laws.undocumented, {"deploy/a.py": ""}, id="a module without docstring"),
    pytest.param(laws.undocumented, {"deploy/a.py": '"""A."""\nclass A: ...'}, id="a class without docstring"),
    pytest.param(
        laws.undocumented,
        {"deploy/a.py": '"""A."""\nclass A:\n  """A."""\n  def f(self): ...'},
        id="a method without docstring",
    ),
    pytest.param(laws.tests_without_claim, {"tests/a.py": "async def test_a(): ..."}, id="a test without claim"),
    pytest.param(laws.waits_by_sleeping, {"tests/a.py": "time.sleep(n)"}, id="time.sleep in a test"),
    pytest.param(laws.waits_by_sleeping, {"tests/a.py": "asyncio.sleep(0.1)"}, id="a guessed asyncio.sleep"),
    pytest.param(laws.urls_in_lock, locked("typer @ https://example.com/t.whl"), id="an address in the lock"),
    pytest.param(laws.unlocked_requirements, locked("typer==1.9"), id="a pin that is too old"),
    pytest.param(laws.unlocked_requirements, locked("rich==14.0"), id="a pin that is missing"),
    pytest.param(laws.other_versions, versions({"deploy/a.yaml": f"image: {'perdure'}:1.2.4"}), id="an older image"),
    pytest.param(
        laws.other_versions,
        versions({"CHANGELOG.md": "## [Unreleased]\n\n## [1.2.2] - 2026-01-01\n"}),
        id="a release not written down",
    ),
    pytest.param(laws.machine_paths, {"README.md": f"see {'/home'}/anna/perdure"}, id="a path of a machine"),
]


@pytest.mark.parametrize(("law", "files"), BREACHES)
def test_a_breach_is_found(law: Callable[[Path], list[str]], files: dict[str, str], tmp_path: Path) -> None:
    """Each law refuses a tree that breaks it."""
    assert law(tree(tmp_path, files))


def test_what_is_allowed_is_no_breach(tmp_path: Path) -> None:
    """The laws let through what stands on the right side of each limit."""
    good = {
        "workflows/model/a.py": '"""A."""\nfrom datetime import datetime\nfrom pydantic import BaseModel\n',
        "workflows/interpreter.py": '"""A."""\n' + "#\n" * 249,
        "starter/a.py": '"""A."""\ndef f():\n    """F."""\n' + "    pass\n" * 38,
        "tests/test_a.py": 'def test_a():\n    """A claim."""\n    asyncio.sleep(0)\n',
        "tests/until.py": "asyncio.sleep(0.02)\n",
    }
    root = tree(tmp_path, good)
    found = [
        law(root)
        for law in (
            laws.long_modules,
            laws.long_functions,
            laws.vague_names,
            laws.undocumented,
            laws.tests_without_claim,
            laws.waits_by_sleeping,
            laws.machine_paths,
            impure_model,
        )
    ]
    assert not any(found), found


def test_modules_are_short() -> None:
    """No module is above its limit of lines."""
    assert laws.long_modules(ROOT) == []


def test_functions_are_short() -> None:
    """No function or method is above 40 lines."""
    assert laws.long_functions(ROOT) == []


def test_names_say_something() -> None:
    """No file or folder is named utils, helpers, manager, misc or common."""
    assert laws.vague_names(ROOT) == []


def test_nobody_imports_the_worker() -> None:
    """worker.py is a composition root that nothing imports."""
    assert laws.importers_of_worker(ROOT) == []


def test_the_model_imports_nothing_impure() -> None:
    """The model stands on pydantic and the pure part of the standard library alone."""
    assert impure_model(ROOT) == []


def test_actions_import_only_what_an_action_is_made_of() -> None:
    """An action file imports the Action base and the model, no provider and no other action."""
    assert entangled_actions(ROOT) == []


def test_all_that_is_public_is_documented() -> None:
    """Every public module, class, function and method of the code has a docstring."""
    assert laws.undocumented(ROOT) == []


def test_each_test_states_its_claim() -> None:
    """Every test function has a docstring."""
    assert laws.tests_without_claim(ROOT) == []


def test_no_test_waits_for_a_guessed_time() -> None:
    """Tests wait for conditions, never for a number of seconds."""
    assert laws.waits_by_sleeping(ROOT) == []


def test_the_lock_names_no_index() -> None:
    """requirements.lock holds names, versions and hashes, and no address."""
    assert laws.urls_in_lock(ROOT) == []


def test_the_lock_answers_every_requirement() -> None:
    """Each requirement has a fitting pin in requirements.lock, and each direct pin a requirement."""
    assert laws.unlocked_requirements(ROOT) == []


def test_the_lock_is_what_uv_would_write(tmp_path: Path) -> None:
    """Compiling pyproject.toml again changes nothing in requirements.lock, nor in that of the image."""
    if not shutil.which("uv"):
        pytest.skip("uv is not on PATH")
    (tmp_path / "deploy").mkdir()
    for name in ("Makefile", "pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, tmp_path / name)
    made = subprocess.run(["make", "lock"], cwd=tmp_path, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"uv cannot reach a package index: {made.stderr.strip().splitlines()[0]}")
    for name in LOCKS:
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), name


def test_there_is_one_version() -> None:
    """The version in pyproject.toml is the only one stated anywhere."""
    assert laws.other_versions(ROOT) == []


def test_the_installed_version_is_the_stated_one() -> None:
    """What is installed calls itself by the version in pyproject.toml."""
    assert version("perdure") == PYPROJECT["project"]["version"]


def test_no_file_names_someones_machine() -> None:
    """No file of the project holds a path of the machine it was written on."""
    assert laws.machine_paths(ROOT) == []


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TOOLS / "lint-imports", "--no-logo", "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_import_contracts_hold() -> None:
    """Who may import whom, as pyproject.toml says, is kept."""
    linted = lint_imports(ROOT)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_every_import_contract_can_break(tmp_path: Path) -> None:
    """Each import contract is broken by a tree with an import that it forbids."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    packages = "workflows workflows.model activities activities.actions activities.gateways starter deploy"
    forbidden = {
        "workflows/model/clock.py": "import temporalio\nimport workflows.contract",
        "workflows/contract.py": "import deploy",
        "workflows/interpreter.py": "import temporalio\nimport activities.action",
        "activities/action.py": "import starter",
        "activities/effects/__init__.py": "",
        **{f"activities/{name}.py": "" for name in ("catalogue", "control", "dispatch")},
        **{f"workflows/{name}.py": "" for name in ("enrollment", "waiting")},
        "activities/actions/send.py": "import activities.actions.wait\nimport httpx",
        "activities/actions/wait.py": "import activities.gateways.smtp",
        "activities/gateways/smtp.py": "import activities.dispatch",
        "starter/client.py": "import activities.gateways.smtp",
        "deploy/local.py": "import workflows.model",
    }
    tree(tmp_path, {f"{p.replace('.', '/')}/__init__.py": "" for p in packages.split()} | forbidden)
    linted = lint_imports(tmp_path)
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    assert f"Contracts: 0 kept, {len(contracts)} broken." in linted.stdout, linted.stdout + linted.stderr


CLOCKS_AND_DICE = """
import datetime, os, time, uuid
import random
import secrets
datetime.datetime.now(datetime.UTC)
datetime.datetime.utcnow()
datetime.date.today()
time.time()
time.monotonic()
uuid.uuid4()
os.environ
os.getenv("HOME")
"""


@pytest.mark.parametrize(
    ("place", "banned"),
    [
        ("workflows/model/a.py", True),
        ("workflows/enrollment.py", True),
        ("activities/dispatch.py", True),
        ("activities/actions/a.py", True),
        ("activities/gateways/a.py", False),
        ("starter/a.py", False),
    ],
)
def test_clocks_and_dice_are_banned_where_replay_reaches(place: str, banned: bool) -> None:
    """Ruff refuses each clock, die and environment read outside gateways and clients."""
    linted = subprocess.run(
        [
            TOOLS / "ruff",
            "check",
            "--select=TID251",
            "--output-format=concise",
            f"--stdin-filename={place}",
            "-",
        ],
        cwd=ROOT,
        input=CLOCKS_AND_DICE,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = {int(found) for found in re.findall(r":(\d+):\d+: TID251", linted.stdout)}
    assert lines == (set(range(3, 13)) if banned else set())
