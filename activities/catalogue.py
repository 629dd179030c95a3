"""The catalogue of actions: found by looking in the folder `actions/` and among the `perdure.actions` entry points."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import activities.actions
from activities.action import Action
from workflows import contract
from workflows.model.errors import FlowError

TAKEN = frozenset(
    {
        *("wait_for_event", "go_to", "end", "perform", "placeholder"),
        *(contract.BRANCH, contract.BRANCH_ON_VALUE, contract.SPLIT, contract.DELAY, contract.DELAY_UNTIL),
        *(contract.ARM_WAIT, contract.DISARM_WAIT),
        *(contract.RECORD_EVENT, contract.GIVE_UP, contract.FINISH, contract.PURGE),
    }
)
"""Kinds that no action may have: the control steps, and the engine's own questions, which are activities, too."""


class Catalogue(Mapping[str, type[Action]]):
    """The kinds of action by name. `crm_joins` tells whether the CRM joins our transaction."""

    def __init__(
        self,
        kinds: Mapping[str, type[Action]],
        *,
        crm_joins: bool = True,
        allowed: frozenset[str] | None = None,
    ) -> None:
        """Hold these kinds."""
        self._kinds, self.crm_joins, self.allowed = dict(sorted(kinds.items())), crm_joins, allowed

    @classmethod
    def load(cls, *folders: Path, crm_joins: bool = True, allowed: frozenset[str] | None = None) -> Self:
        """Find the shipped actions, those of installed packages, and those of further folders.

        Raise FlowError where a folder or an action cannot be loaded, where two actions claim one kind, and where one is
        allowed that is not there.
        """
        modules = [*_shipped(), *(each for folder in folders for each in _in_folder(folder))]
        kinds: dict[str, type[Action]] = {}
        for action in [*(a for module in modules for a in _actions(module)), *_installed()]:
            _check(action)
            if kinds.setdefault(action.kind, action) is not action:
                message = f"two actions claim the kind {action.kind!r}: {kinds[action.kind]} and {action}"
                raise FlowError(message)
        for kind in sorted(allowed or ()):
            if kind not in kinds:
                raise FlowError(f"an action is allowed that is not there: {kind!r}{_hint(kind, kinds)}")
        return cls(kinds, crm_joins=crm_joins, allowed=allowed)

    def is_locked(self, kind: str) -> bool:
        """Tell whether the operator has locked a kind: flows with it cannot be turned on."""
        return self.allowed is not None and kind not in self.allowed

    def is_moved_outside(self, action: type[Action]) -> bool:
        """Tell whether an action that is in our store elsewhere is outside here, as the CRM is."""
        return action.place == "store" and action.in_crm and not self.crm_joins

    def __getitem__(self, kind: str) -> type[Action]:
        """Give the class of a kind; raise FlowError with the nearest name where there is none."""
        try:
            return self._kinds[kind]
        except KeyError:
            message = f"no action is called {kind!r}{_hint(kind, self._kinds)}"
            raise FlowError(message) from None

    def get(self, kind: str, default: Any = None) -> Any:  # noqa: ANN401 - as a mapping's
        """Give the class of a kind, `default` where there is none."""
        return self._kinds.get(kind, default)

    def __contains__(self, kind: object) -> bool:
        """Tell whether there is such a kind."""
        return kind in self._kinds

    def __iter__(self) -> Iterator[str]:
        """Iterate over the kinds by name."""
        return iter(self._kinds)

    def __len__(self) -> int:
        """Count the kinds."""
        return len(self._kinds)


def _hint(kind: str, kinds: Collection[str]) -> str:
    near = difflib.get_close_matches(kind, kinds, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(kinds)}"


def _shipped() -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(activities.actions.__path__):
        yield importlib.import_module(f"activities.actions.{info.name}")


def _in_folder(folder: Path) -> Iterator[ModuleType]:
    if not folder.is_dir():
        message = f"there is no folder of actions {folder}"
        raise FlowError(message)
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"perdure_actions_{path.stem}", path)
        if spec and spec.loader:
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module  # where pydantic looks up what the annotations name
            try:
                spec.loader.exec_module(module)
            except Exception as error:
                message = f"{path} cannot be loaded: {type(error).__name__}: {error}"
                raise FlowError(message) from error
            yield module


def _check(action: type[Action]) -> None:
    missing = [name for name in ("kind", "place", "examples") if not hasattr(action, name)]
    if missing:
        message = f"the action {action.__module__}.{action.__name__} does not state its {' and '.join(missing)}"
        raise FlowError(message)
    if action.kind in TAKEN:
        message = f"the kind {action.kind!r} is the engine's own; give {action.__name__} another"
        raise FlowError(message)


def _actions(module: ModuleType) -> Iterator[type[Action]]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Action) and value.__module__ == module.__name__:
            yield value


def _installed() -> Iterator[type[Action]]:
    for point in entry_points(group="perdure.actions"):
        yield point.load()


def complete(action: type[Action], config: Mapping[str, object]) -> dict[str, object]:
    """Check a step's settings against the action's fields, and write the defaults in.

    Raise pydantic's ValidationError where a field is missing, unknown or wrong.
    """
    return action.model_validate(dict(config)).model_dump(mode="json", by_alias=True)
