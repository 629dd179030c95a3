from __future__ import annotations

import inspect
import traceback
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.action import Retryable
from activities.catalogue import Catalogue
from activities.dispatch import Activity, _activity, activities, questions
from activities.performing import Again
from starter.simulate import Simulation
from workflows import contract
from workflows.contract import Answer, Step

STEP = Step(enrollment="e", revision="r", node="n", visit=1)


def raising(error: Exception) -> Activity:
    async def answer(step: Step) -> Answer:
        raise error

    return _activity("send_email", answer)


async def caught(error: Exception) -> ApplicationError:
    with pytest.raises(ApplicationError) as found:
        await ActivityEnvironment().run(raising(error), STEP)
    return found.value


async def test_an_answer_passes() -> None:
    """What the question comes to is the activity's result."""

    async def answer(step: Step) -> Answer:
        return Answer(line=step.node)

    assert await ActivityEnvironment().run(_activity("x", answer), STEP) == Answer(line="n")


@pytest.mark.parametrize("error", [ValueError("anna@example.com"), OSError("anna@example.com"), KeyError("anna")])
async def test_an_error_enters_history_without_its_text(error: Exception) -> None:
    """The text may quote a value of the record: history gets the activity and the class, and no cause."""
    failed = await caught(error)
    assert (failed.message, failed.type) == (f"send_email: {type(error).__name__}", type(error).__name__)
    assert failed.__cause__ is None
    assert (failed.__suppress_context__, failed.details, failed.non_retryable) == (True, (), False)
    assert "anna" not in "".join(traceback.format_exception(failed))


@pytest.mark.parametrize("after", [None, timedelta(minutes=7)])
async def test_a_provider_says_when_to_come_again(after: timedelta | None) -> None:
    """The code of the failure enters history, and the pause the provider asks for is kept."""
    failed = await caught(Again("smtp_busy", Retryable("smtp_busy", "quotes Anna", after)))
    assert (failed.message, failed.type, failed.next_retry_delay) == ("smtp_busy", "Again", after)
    assert "Anna" not in "".join(traceback.format_exception(failed))


def test_every_kind_and_every_question_is_an_activity() -> None:
    """A worker performs all kinds of action and answers all questions of the engine, each under its own name."""
    world = Simulation(Catalogue.load())
    names = [getattr(run, "__temporal_activity_definition").name for run in activities(world.performer)]
    assert sorted(names) == sorted({*questions(world.control), *world.catalogue})
    deciding = {contract.BRANCH, contract.BRANCH_ON_VALUE, contract.SPLIT}
    sleeping = {contract.DELAY, contract.DELAY_UNTIL, contract.ARM_WAIT, contract.DISARM_WAIT}
    closing = {contract.GIVE_UP, contract.FINISH, contract.RECORD_EVENT}
    assert set(questions(world.control)) == deciding | sleeping | closing


def test_activities_are_coroutines() -> None:
    """None blocks a thread, so a worker needs no pool of threads."""
    world = Simulation(Catalogue.load())
    assert [run for run in activities(world.performer) if not inspect.iscoroutinefunction(run)] == []
