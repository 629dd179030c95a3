"""A condition as an English sentence."""

from __future__ import annotations

from workflows.model.condition_tree import (
    All,
    Any,
    Condition,
    Not,
    OnAssociated,
    OnEvent,
    OnFlow,
    OnList,
    OnOutput,
    OnProperty,
    Times,
)
from workflows.model.phrases import named, of, phrase

_STANDINGS = {
    "active": ("in flow {} now", "not in flow {} now"),
    "ever": ("has ever been in flow {}", "has never been in flow {}"),
    "completed": ("has completed flow {}", "has not completed flow {}"),
    "goal": ("has met the goal of flow {}", "has not met the goal of flow {}"),
}


def sentence(condition: Condition) -> str:
    """Say a condition, as `stage is lead, and not a member of list competitors`."""
    match condition:
        case OnProperty():
            return f"{of(condition.property, condition.read)} {condition.phrase}"
        case OnOutput():
            return f"{condition.output} {condition.phrase}"
        case OnList():
            return f"{'' if condition.member else 'not '}a member of list {condition.list}"
        case OnFlow():
            return _STANDINGS[condition.standing][condition.is_ is None].format(condition.flow)
        case OnEvent():
            return _event(condition)
        case OnAssociated():
            return _associated(condition)
        case All():
            return ", and ".join(_inner(part) for part in condition.all)
        case Any():
            return ", or ".join(_inner(part) for part in condition.any)
        case Not():
            return f"not ({sentence(condition.not_)})"


def _inner(part: Condition) -> str:
    """Say a part of a join, in brackets where its own commas would be read as the join's."""
    several = (isinstance(part, All) and part.all[1:]) or (isinstance(part, Any) and part.any[1:])
    joined = several or isinstance(part, OnAssociated | OnEvent)
    return f"({sentence(part)})" if joined else sentence(part)


def _event(leaf: OnEvent) -> str:
    said = f"{named(leaf.event)} happened {_often(leaf.counts)}"
    if leaf.where:
        said += " where " + " and ".join(f"{named(name)} {test.phrase}" for name, test in leaf.where.items())
    if leaf.operator is not None:
        said += f", {phrase(leaf.operator, leaf.wanted).removeprefix('is ')}"
    return said


def _often(times: Times) -> str:
    least, most = times.at_least, times.at_most
    if most is None:
        return "at least once" if least == 1 else f"at least {_counted(least)}"
    if least == most:
        return "never" if most == 0 else f"exactly {_counted(most)}"
    return f"at most {_counted(most)}" if least == 0 else f"{least} to {_counted(most)}"


def _counted(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _associated(leaf: OnAssociated) -> str:
    label = f" ({leaf.label})" if leaf.label is not None else ""
    said = f"{'no' if leaf.none else 'some'} associated {named(leaf.associated)}{label}"
    return f"there is {said}" if leaf.where is None else f"there is {said} where {_inner(leaf.where)}"
