from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from activities.action import Action, tokens_of
from activities.catalogue import Catalogue, complete
from starter.language.flow_file import read
from tests.flows import flow
from tests.world import World
from workflows.model.errors import FlowError
from workflows.model.nodes import Perform
from workflows.model.tokens import check

SHIPPED = Catalogue.load()
SENDS_A_LETTER = '''
"""Send a letter."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from activities.action import Action, Do, Done, Text
from activities.effects import Mail


class SendLetter(Action):
    """Send a letter by the post."""

    kind: ClassVar = "send_letter"
    place: ClassVar = "outside"
    outputs: ClassVar = {"pages": "How many pages it has."}
    examples: ClassVar = ("{do: send_letter, id: letter, greeting: Hello}",)

    greeting: Text = Field(description="How it begins.")
    pages: int = Field(1, description="How many pages it has.", ge=1)

    async def perform(self, do: Do) -> Done:
        """Send it."""
        await do.mail.send(Mail(to="post@example.com", subject=self.greeting, text="..."), do.key)
        return Done(line="posted", output={"pages": self.pages})
'''


def folder(path: Path, **files: str) -> Path:
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / f"{name}.py").write_text(text)
    return path


async def test_adding_an_action_touches_one_new_file(world: World, tmp_path: Path) -> None:
    """A file laid into a folder is a step that a real worker performs to its end, tokens, outputs and all."""
    world.catalogue = Catalogue.load(folder(tmp_path / "ours", send_letter=SENDS_A_LETTER))
    config = complete(world.catalogue["send_letter"], {"greeting": "Dear {{ contact.firstname }}"})
    letter = Perform.model_validate(
        {"id": "letter", "name": "Letter", "edges": {}, "kind": "send_letter", "config": config, "place": "outside"}
    )
    revision = await world.publish(flow(world.key("post"), letter))
    anna = await world.record("contact:1", firstname="Anna")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [("letter", "posted")]
    assert [mail.subject for _, mail in world.mailer.sent] == ["Dear Anna"]
    assert [visit["output"] for visit in await world.visits(enrollment)] == [{"pages": 1}]


def test_shipped_actions_are_found_by_looking() -> None:
    """Nothing lists the actions: those in the folder are there, in order, by kind."""
    assert list(SHIPPED) == sorted(SHIPPED)
    assert len(SHIPPED) == len(set(SHIPPED.values()))
    assert {"send_email", "set_property"} <= set(SHIPPED)
    assert "send_letter" not in SHIPPED


def test_two_actions_of_one_kind_clash(tmp_path: Path) -> None:
    """A flow must not do one thing today and another tomorrow: the catalogue does not choose."""
    ours = folder(tmp_path / "ours", a=SENDS_A_LETTER, b=SENDS_A_LETTER)
    with pytest.raises(FlowError, match="two actions claim the kind 'send_letter'"):
        Catalogue.load(ours)


@pytest.mark.parametrize("kind", ["delay", "wait_for_event", "branch", "go_to", "end", "arm_wait", "finish"])
def test_a_kind_of_the_engine_is_taken(tmp_path: Path, kind: str) -> None:
    """The control steps and the engine's own questions have their names already."""
    ours = folder(tmp_path / "ours", a=SENDS_A_LETTER.replace('"send_letter"', f'"{kind}"'))
    with pytest.raises(FlowError, match=f"the kind '{kind}' is the engine's own"):
        Catalogue.load(ours)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SENDS_A_LETTER.replace("    kind: ClassVar =", "    genre: ClassVar ="), "SendLetter does not state its kind"),
        (
            SENDS_A_LETTER.replace("    place: ClassVar =", "    spot: ClassVar ="),
            "SendLetter does not state its place",
        ),
        ("def broken(:\n", "ours.py cannot be loaded: SyntaxError"),
        ("import nothing_of_that_name\n", "ours.py cannot be loaded: ModuleNotFoundError"),
    ],
    ids=["no kind", "no place", "no Python", "a missing library"],
)
def test_a_wrong_action_is_told_by_its_file(tmp_path: Path, text: str, told: str) -> None:
    """The mistake of whoever wrote the action is a sentence that names it, not a traceback of ours."""
    with pytest.raises(FlowError, match=told):
        Catalogue.load(folder(tmp_path / "ours", ours=text))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A slip in the name of the folder does not make a worker without its actions."""
    with pytest.raises(FlowError, match="there is no folder of actions"):
        Catalogue.load(tmp_path / "typo")


def test_the_nearest_name_is_offered() -> None:
    """A slip of the pen gets the name that was meant; anything else all names."""
    with pytest.raises(FlowError, match="no action is called 'send_mail'; did you mean 'send_email'"):
        SHIPPED["send_mail"]
    with pytest.raises(FlowError, match=r"there are .*send_email, .*set_property"):
        SHIPPED["qqqq"]


def test_to_ask_for_a_kind_is_no_mistake() -> None:
    """`in` and `get` answer, as a mapping's do."""
    assert "send_email" in SHIPPED
    assert "send_mail" not in SHIPPED
    assert SHIPPED.get("send_mail") is None


@pytest.mark.parametrize("action", SHIPPED.values(), ids=list(SHIPPED))
def test_a_shipped_action_is_its_own_manual(action: type[Action]) -> None:
    """Docstring, described fields and described outputs: the catalogue's pages are made of them."""
    assert action.__doc__
    assert action.__doc__.splitlines()[0].endswith(".")
    assert [name for name, field in action.model_fields.items() if not field.description] == []
    assert [key for key, sentence in action.outputs.items() if not sentence.endswith(".")] == []
    assert action.place in ("outside", "store")


@pytest.mark.parametrize("action", SHIPPED.values(), ids=list(SHIPPED))
def test_the_examples_of_a_shipped_action_are_steps(action: type[Action]) -> None:
    """Each example could be published as it stands."""
    assert action.examples
    for example in action.examples:
        step = read(example, "step.yaml").data
        assert isinstance(step, dict)
        assert step.pop("do") == action.kind
        assert step.pop("id")
        config = complete(action, step)
        texts = [value for name, value in config.items() if name in tokens_of(action) and isinstance(value, str)]
        assert [mistake for text in texts for mistake in check(text, "contact", ())] == []


@pytest.mark.parametrize("action", SHIPPED.values(), ids=list(SHIPPED))
def test_a_shipped_action_has_a_test_file(action: type[Action]) -> None:
    """One new file, and one that tests it."""
    assert (Path(__file__).parent / f"test_{action.__module__.rpartition('.')[2]}.py").exists()


def test_settings_are_completed_with_defaults() -> None:
    """What a step leaves out is written in at publish, so that no later release moves it."""
    assert complete(SHIPPED["send_email"], {"subject": "Hi", "text": "x"})["sender"] is None
    with pytest.raises(ValidationError):
        complete(SHIPPED["send_email"], {"subject": "Hi", "text": "x", "color": "red"})
