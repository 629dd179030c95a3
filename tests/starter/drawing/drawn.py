"""Flows that are hard to draw, for the tests of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.model.flow import Flow

Step = dict[str, Any]

ODD_NAMES = (
    "end",
    'Say "hello" & <b>bye</b>; then #stop',
    "`**not bold**` [x](y) {{z}} |pipe| --> n1",
    "1. First of a list",
    "שלח הודעה ללקוח (2 ימים)",
    "إرسال بريد ترحيبي إلى العميل",
    "展示を申し込んだお客様に感謝のメールを送信します",
    "Grüße 🎉👩‍👩‍👧‍👦 ünd Küsse 🇫🇮",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "A name that goes on and on, because somebody wanted to say all of it right here and only stopped at a hundred",
    "tab\tnewline\nnull\x00bell\x07 and \u202ereversed\u202c",
    "%%{init: {}}%%",
)


def perform(id_: str, to: str | None, kind: str = "send_email", name: str = "", **fields: Any) -> Step:
    """Build an action."""
    place = "store" if kind in {"set_property", "create_task", "add_to_list", "assign_owner"} else "outside"
    config = fields.pop("config", {"subject": "Your demo, {{ contact.firstname | default('you') }}"})
    edges = {"next": to, **fields.pop("edges", {})}
    return step(id_, "perform", name, edges, kind=kind, config=config, place=place, **fields)


def step(id_: str, do: str, name: str, edges: Mapping[Any, str | None], **fields: Any) -> Step:
    """Build any step."""
    return {"id": id_, "do": do, "name": name or id_.replace("-", " ").capitalize(), "edges": edges, **fields}


def flow(key: str, *steps: Step, **fields: Any) -> Flow:
    """Build a flow that begins with the first step."""
    nodes = {each["id"]: each for each in steps}
    name = fields.pop("name", key.replace("-", " ").capitalize())
    start = steps[0]["id"] if steps else None
    return Flow.model_validate(
        {"key": key, "name": name, "object": "contact", "start": start, "nodes": nodes, **fields}
    )


_RENEWAL: tuple[Step, ...] = (
    step(
        "before",
        "delay_until",
        "A month before the end",
        {"next": "remind"},
        property="renewal_date",
        days=-30,
        at="09:00",
        if_past="end",
    ),
    perform(
        "remind",
        "answered",
        name="Remind them",
        config={"subject": "{{ contact.firstname }}, your plan ends in a month: what do you say to another year?"},
        on_failure="go_to",
        edges={"failed": "call"},
    ),
    step(
        "answered",
        "wait_for_event",
        "Wait for an answer",
        {"next": "what-now"},
        any_of=[
            {"event": "email_opened", "where": {"email": "remind"}},
            {"event": "form_submitted", "where": {"form": "renew"}},
        ],
        at_most="7 days",
    ),
    step(
        "what-now",
        "branch",
        "What did they do?",
        {"Renewed": "thank", "Opened it": "plan", "otherwise": "tries"},
        arms=[
            {"name": "Renewed", "when": {"property": "lifecycle_stage", "is": "customer"}},
            {"name": "Opened it", "when": {"output": "answered.happened", "is": True}},
        ],
    ),
    perform(
        "thank",
        "done",
        "send_sms",
        "Thank them",
        config={"to": "{{ contact.phone }}", "text": "Thank you, {{ contact.firstname }}! You will hear from us."},
    ),
    step("done", "end", "Renewed", {}),
    step(
        "plan",
        "branch_on_value",
        "Which plan?",
        {"Basic": "tag", "Team": "offer", "Enterprise": "call", "otherwise": "tag"},
        property="plan",
        ways=[
            {"name": "Basic", "values": ["basic", "free"]},
            {"name": "Team", "values": ["team"]},
            {"name": "Enterprise", "values": ["enterprise"]},
        ],
    ),
    step(
        "offer",
        "split",
        "Try two offers",
        {"10 % off": "ten", "A month free": "month"},
        shares=[{"name": "10 % off", "percent": 33.3}, {"name": "A month free", "percent": 66.7}],
    ),
    perform("ten", "two-days", config={"subject": "Ten percent off if you stay"}),
    perform("month", "two-days", config={"subject": "A month on us"}),
    perform("tag", None, "set_property", "Mark as quiet", config={"property": "lead_status", "value": "quiet"}),
    perform(
        "call",
        None,
        "create_task",
        "Call them",
        config={"title": "Call {{ contact.firstname }} about the renewal", "assign_to": "owner"},
        on_failure="park",
    ),
    step(
        "tries",
        "branch",
        "Tried three times?",
        {"Yes": "call", "otherwise": "two-days"},
        arms=[{"name": "Yes", "when": {"property": "reminders", "greater_than": 2}}],
    ),
    step("two-days", "delay", "Two days", {"next": "tuesday"}, **{"for": "2 days 12 hours"}),
    step("tuesday", "delay_until", "", {"next": "again"}, on=["tue", "thu"], at="11:00"),
    step("again", "go_to", "Remind them again", {"next": "remind"}),
)


def renewal() -> Flow:
    """Every kind of step, deep branches, a loop, a failure that goes elsewhere."""
    return flow(
        "renewal",
        *_RENEWAL,
        name="Renew yearly plans",
        enroll={
            "on": [
                {"event": "form_submitted", "where": {"form": "renewal"}},
                {"event": "property_changed", "where": {"name": "renewal_date"}},
            ],
            "again": "on_trigger",
        },
        goal={"property": "lifecycle_stage", "is": "evangelist"},
        settings={"timezone": {"zone": "Europe/Helsinki", "property": "time_zone"}, "revisions": "pin"},
    )


_COUNTRIES = (
    "Finland",
    "Sweden",
    "Norway",
    "Denmark",
    "Iceland",
    "Germany",
    "Austria",
    "Switzerland",
    "日本",
    "United Kingdom of Great Britain and Northern Ireland",
    "ישראל",
    "Estonia",
)


def countries() -> Flow:
    """Build a branch by value with a dozen ways, of which some lead to one place."""
    names = [*_COUNTRIES]
    own = names[:5] + names[8:11]
    ids = {name: f"mail-{number}" if name in own else "german" for number, name in enumerate(names)} | {"Estonia": None}
    mails = [perform(id_, "pause", name=f"Mail to {name}") for name, id_ in ids.items() if id_ and id_ != "german"]
    return flow(
        "countries",
        step(
            "country",
            "branch_on_value",
            "Where are they?",
            {**ids, "otherwise": None},
            property="country",
            ways=[{"name": name, "values": [name]} for name in names],
        ),
        *mails,
        perform(
            "german",
            "pause",
            "post_to_slack",
            "Tell the German team",
            config={"message": "New lead: {{ contact.email }}"},
        ),
        step("pause", "delay", "Pause", {"next": "owner"}, **{"for": "3 hours"}),
        perform("owner", None, "assign_owner", "Assign an owner", config={}),
        enroll={"on": [{"event": f"event_{number}"} for number in range(9)]},
    )


def odd_names() -> Flow:
    """Steps whose names are in every script, and full of signs that formats give a meaning to."""
    ids = [f"s{number}" for number in range(len(ODD_NAMES))]
    kinds = ["send_email", "set_property", "call_webhook", "make_coffee"]
    steps = [
        perform(id_, to, kinds[number % 4], name, config={"note": name})
        for number, (id_, to, name) in enumerate(zip(ids, [*ids[1:], "last"], ODD_NAMES, strict=True))
    ]
    arms = [{"name": name[:80], "when": {"property": "a", "is": number}} for number, name in enumerate(ODD_NAMES[:8])]
    last = step(
        "last",
        "branch",
        "Which name?",
        {arm["name"]: f"e{n}" for n, arm in enumerate(arms)} | {"otherwise": None},
        arms=arms,
    )
    ends = [step(f"e{n}", "end", ODD_NAMES[n], {}) for n in range(8)]
    return flow("odd-names", *steps, last, *ends, name='Names: "odd" <ones> & עוד')


def hundred() -> Flow:
    """Build a flow of a hundred steps."""
    return chain(20)


def chain(rounds: int) -> Flow:
    """Build five steps a round: a branch, three arms that meet again, a delay."""
    steps = []
    for n in range(rounds):
        arms = [{"name": f"Way {way}", "when": {"property": "score", "greater_than": way}} for way in (1, 2)]
        edges = {"Way 1": f"a{n}", "Way 2": f"b{n}", "otherwise": f"c{n}"}
        steps += [
            step(f"branch-{n}", "branch", f"Score in round {n}", edges, arms=arms),
            perform(f"a{n}", f"wait-{n}", name=f"Mail {n}"),
            perform(f"b{n}", f"wait-{n}", "set_property", f"Mark {n}", config={"property": "round", "value": n}),
            perform(f"c{n}", f"wait-{n}", "add_to_list", f"List {n}", config={"list": "newsletter"}),
            step(f"wait-{n}", "delay", "", {"next": f"branch-{n + 1}" if n + 1 < rounds else None}, **{"for": "1 day"}),
        ]
    return flow("chain", *steps)
