from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flows import delay, flow, send_email, wait
from workflows.contract import CODE_VERSION, MOST_SIGNALS, Adopt, Asleep, Delivery, Leave, Resume, State
from workflows.host import Adopted, Delivered, Left, Resumed
from workflows.model.records import RecordRef
from workflows.waiting import Mailbox

OLD, NEW = flow("f", wait("w", "replied")), flow("f", wait("w", "opened"))
MINE, EARLIER = "mine", "earlier"


def asleep(why: str = "wait", **fields: Any) -> State:
    record = RecordRef.parse("contact:1")
    sleep = Asleep.model_validate({"why": why})
    state = State(enrollment=MINE, flow="f", revision=OLD, record=record, visit=3, asleep=sleep)
    return state.model_copy(update=fields)


def test_an_empty_mailbox_wakes_nobody() -> None:
    """Nothing has come: the sleeper neither wakes nor stirs."""
    box = Mailbox(asleep())
    assert (box.wakes(asleep()), box.stirs(asleep())) == (None, False)


def test_letters_are_read_in_order_of_weight() -> None:
    """An order to leave comes before an event, that before an edit, and that before an operator's decision."""
    state, box = asleep("held"), Mailbox(asleep("held"))
    box.resume(Resume(enrollment=MINE, visit=3, how="skip"))
    box.adopt(Adopt(enrollment=MINE, visit=3, revision=NEW))
    assert box.wakes(state) == Adopted(NEW)
    assert box.wakes(state) == Resumed("skip")
    box.deliver(Delivery(enrollment=MINE, visits=(3,)))
    assert box.wakes(state) == Delivered()
    box.leave(Leave(enrollment=MINE, ending="goal"))
    assert box.wakes(state) == Left("goal")


def test_the_first_order_to_leave_stands() -> None:
    """A record that met its goal and was then unenrolled has met its goal."""
    box = Mailbox(asleep())
    box.leave(Leave(enrollment=MINE, ending="goal"))
    box.leave(Leave(enrollment=MINE, ending="unenrolled"))
    assert box.wakes(asleep()) == Left("goal")


def test_letters_to_an_earlier_enrollment_are_dropped() -> None:
    """A late letter to the enrollment that had this workflow id before does nothing; it only counts as a signal."""
    box = Mailbox(asleep("held"))
    box.deliver(Delivery(enrollment=EARLIER, visits=(3,)))
    box.leave(Leave(enrollment=EARLIER, ending="goal"))
    box.resume(Resume(enrollment=EARLIER, visit=3))
    box.adopt(Adopt(enrollment=EARLIER, visit=3, revision=NEW))
    assert (box.wakes(asleep("held")), box.stirs(asleep("held")), box.signals) == (None, False, 4)


def test_an_event_of_another_visit_wakes_nobody() -> None:
    """A delivery names the visit that armed the wait; a later one is kept for its time."""
    box = Mailbox(asleep())
    box.deliver(Delivery(enrollment=MINE, visits=(2, 5)))
    assert box.wakes(asleep()) is None
    assert box.wakes(asleep(visit=5)) == Delivered()


def test_the_revision_slept_in_is_not_adopted() -> None:
    """An edit that was followed already does not wake, and is forgotten."""
    box = Mailbox(asleep())
    box.adopt(Adopt(enrollment=MINE, visit=3, revision=OLD))
    assert (box.wakes(asleep()), box.stirs(asleep())) == (None, False)


def test_an_edit_is_adopted_once() -> None:
    """The newest edit wakes the sleeper one time."""
    box = Mailbox(asleep())
    box.adopt(Adopt(enrollment=MINE, visit=3, revision=flow("f", send_email("mail"))))
    box.adopt(Adopt(enrollment=MINE, visit=3, revision=NEW))
    assert box.wakes(asleep()) == Adopted(NEW)
    assert box.wakes(asleep()) is None


@pytest.mark.parametrize("why", ["delay", "wait", "deferred"])
def test_only_a_held_visit_is_resumed(why: str) -> None:
    """A decision on a visit that is not held neither wakes the sleeper nor keeps it stirring for ever."""
    box = Mailbox(asleep(why))
    box.resume(Resume(enrollment=MINE, visit=3))
    assert (box.wakes(asleep(why)), box.stirs(asleep(why))) == (None, False)


def test_an_edit_of_a_step_left_behind_is_not_adopted() -> None:
    """The update named the sleep of visit 3; whoever has walked on meets the newest revision by itself."""
    box = Mailbox(asleep())
    box.adopt(Adopt(enrollment=MINE, visit=3, revision=NEW))
    assert (box.wakes(asleep(visit=4)), box.stirs(asleep(visit=4))) == (None, False)


def test_a_run_hands_over_the_deliveries_ahead() -> None:
    """What has come for this visit and later ones goes on into the next run; what lies behind does not."""
    state = asleep(code=CODE_VERSION - 1, delivered=(1, 3))
    box = Mailbox(state)
    box.deliver(Delivery(enrollment=MINE, visits=(7,)))
    carried = box.carried(state)
    assert (carried.delivered, carried.code) == ((3, 7), CODE_VERSION)
    assert Mailbox(carried).wakes(carried) == Delivered()


def test_a_flood_of_signals_stirs() -> None:
    """The sleeper looks up when it is time to continue as new."""
    box = Mailbox(asleep())
    for _ in range(MOST_SIGNALS):
        box.deliver(Delivery(enrollment=EARLIER, visits=()))
    assert box.stirs(asleep())


LETTERS = st.one_of(
    st.builds(Delivery, enrollment=st.sampled_from([MINE, EARLIER]), visits=st.tuples(st.integers(1, 5))),
    st.builds(Leave, enrollment=st.sampled_from([MINE, EARLIER]), ending=st.just("goal")),
    st.builds(Resume, enrollment=st.sampled_from([MINE, EARLIER]), visit=st.integers(1, 5)),
    st.builds(
        Adopt,
        enrollment=st.sampled_from([MINE, EARLIER]),
        visit=st.integers(1, 5),
        revision=st.sampled_from([OLD, NEW]),
    ),
)


@given(st.lists(LETTERS, max_size=8), st.sampled_from(["delay", "wait", "deferred", "held"]))
def test_a_sleeper_never_stirs_in_vain(letters: list[Delivery | Leave | Resume | Adopt], why: str) -> None:
    """Whatever has come: once nothing wakes, nothing stirs. A sleeper that stirs in vain turns round without end."""
    state = asleep(why)
    box = Mailbox(state)
    for letter in letters:
        match letter:
            case Delivery():
                box.deliver(letter)
            case Leave():
                box.leave(letter)
            case Resume():
                box.resume(letter)
            case Adopt():
                box.adopt(letter)
    while (woken := box.wakes(state)) is not None:
        if isinstance(woken, Left | Delivered):
            return
    assert not box.stirs(state)


def test_a_delay_is_not_shortened_by_another_visits_letter() -> None:
    """The walk has passed a wait whose delivery comes late: the delay that it sleeps in now is not touched."""
    box = Mailbox(asleep("delay", revision=flow("f", delay("d", "1 day"))))
    box.deliver(Delivery(enrollment=MINE, visits=(1, 2)))
    assert box.wakes(asleep("delay")) is None
