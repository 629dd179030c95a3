from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from activities.turns import MOST_WEIGHT, Turns, list_key

THREE = dict.fromkeys("abc", 1)


def given(turns: Turns, *rounds: dict[str, int]) -> tuple[str, Turns]:
    """Take a turn for each; give whose they were, and the turns after them."""
    whose = ""
    for weights in rounds:
        user, turns = turns.next(weights)
        whose += user
    return whose, turns


def test_the_first_in_order_begins_and_all_follow() -> None:
    """Nobody has two until everybody has one."""
    assert given(Turns(), *[THREE] * 7)[0] == "abcabca"


@pytest.mark.parametrize(("weights", "shares"), [({"a": 2, "b": 1}, "aab"), ({"a": 1, "b": 3}, "abbb")])
def test_a_weight_is_so_many_times_as_many(weights: dict[str, int], shares: str) -> None:
    """Over every round exactly, and not in one run: with weight 2, the other comes in between."""
    whose, _ = given(Turns(), *[weights] * len(shares) * 20)
    assert Counter(whose) == Counter(shares * 20)
    assert "a" * (weights["a"] + 2) not in whose


def test_weights_are_kept_however_odd_they_are() -> None:
    """All that are allowed, in one list: after as many turns as they come to, each has its own."""
    weights = {str(each): each for each in range(1, MOST_WEIGHT + 1)}
    whose, turns = [], Turns()
    for _ in range(3 * sum(weights.values())):
        user, turns = turns.next(weights)
        whose.append(user)
    assert Counter(whose) == {user: 3 * weight for user, weight in weights.items()}


def test_who_was_away_need_not_catch_up() -> None:
    """Nor who is new in a team: they go on where the others are, at most one turn ahead."""
    two = {"a": 1, "b": 1}
    _, turns = given(Turns(), *[two] * 100)
    whose, _ = given(turns, *[THREE] * 9)
    assert Counter(whose) == {"a": 3, "b": 3, "c": 3}


def test_those_who_come_and_go_have_what_those_have_who_stay() -> None:
    """Of ten, some are away at each turn, at random: of two who are both there, neither is ever two turns behind."""
    dice, turns, since = Random(7), Turns(), Counter[str]()
    for _ in range(2_000):
        there = {each: 1 for each in "abcdefghij" if each in "ab" or dice.random() < 0.5}
        user, turns = turns.next(there)
        since[user] += 1
        assert abs(since["a"] - since["b"]) <= 1


def test_turns_are_kept_as_they_are() -> None:
    """What is written is read again, and nothing is a beginning."""
    _, turns = given(Turns(), *[THREE] * 5)
    assert Turns.read(turns.kept()) == turns
    assert Turns.read({}) == Turns()


def test_a_list_is_another_where_anything_in_it_is() -> None:
    """Who, in which order, and by which weights; the order of the weights is nothing."""
    lists = [
        list_key(["a", "b"], [], {}),
        list_key(["b", "a"], [], {}),
        list_key(["a"], ["b"], {}),
        list_key(["a", "b"], [], {"a": 2}),
    ]
    assert len({*lists}) == len(lists)
    assert list_key(["a", "b"], [], {"a": 2, "b": 3}) == list_key(["a", "b"], [], {"b": 3, "a": 2})
