"""The example files that the demo works with, put into a database as a user would: loaded, published, turned on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from activities.catalogue import Catalogue
from starter.commands.flow_checks import what_is_in
from starter.crm.association_file import Associated, open_pairs, pairs, put_pair
from starter.crm.users import load_users
from starter.language.definitions import read_definitions
from starter.language.flow_files import check_files, find, sources, with_files
from starter.loading.load import load
from starter.loading.load_plan import Wish
from starter.loading.rows import open_rows
from starter.publish import publish_together
from workflows.model.errors import FlowError

if TYPE_CHECKING:
    from starter.client import Client
    from workflows.model.flow import Flow

EXAMPLES = Path(__file__).parents[1] / "examples"
RECORDS = EXAMPLES / "records"
CONTACTS = RECORDS / "contacts.csv"
FLOW = "demo-request"
_FILES = {"contact": "contacts.csv", "company": "companies.csv", "deal": "deals.csv", "ticket": "tickets.csv"}
_USERS = ("owner", "first_owner")
"""Properties that name users; the types of all others are found in their values."""

RECEIVER = "http://127.0.0.1:8797"
"""Where the example's webhook goes."""


@dataclass(frozen=True)
class Put:
    """What was put into the database: how many of each, and the flow that is walked."""

    records: int
    users: int
    associations: int
    published: str
    flow: Flow


async def put_examples(client: Client, receiver: str = RECEIVER) -> Put:
    """Load the records, publish the flows and e-mails, and turn the demo's flow on.

    `receiver` takes the place of the webhook's address where that is not free on this machine.
    """
    loaded = 0
    for type_, name in _FILES.items():
        file = open_rows(RECORDS / name)
        wish = Wish(type_, types={title: "user" for title in file.titles if title in _USERS}, infer=True)
        loaded += (await load(client.pool, file, wish)).good
    users, _ = await load_users(client.pool, RECORDS / "users.csv")
    associated = Associated()
    for pair in pairs(open_pairs(RECORDS / "associations.csv")):
        await put_pair(client.pool, pair, "demo", associated)
    flows, published = await _published(client, lambda text: text.replace(RECEIVER, receiver))
    flow = next(flow for flow in flows if flow.key == FLOW)
    await client.turn_on(flow.key)
    return Put(loaded, users, associated.made, published, flow)


async def _published(client: Client, adapted: Callable[[str], str]) -> tuple[list[Flow], str]:
    files = [replace(each, text=adapted(each.text or "")) for each in sources(find([EXAMPLES]))]
    definitions = with_files(await read_definitions(client.pool), files)
    checked = check_files(files, Catalogue.load(), definitions=definitions)
    if lines := [line for file in checked if file.found.mistakes for line in file.lines]:
        raise FlowError("\n".join(lines))
    flows = [file.found.flow for file in checked if file.found.flow is not None]
    contents = [file.found.content for file in checked if file.found.content is not None]
    await publish_together(client.pool, flows, contents, client.revisions)
    return flows, what_is_in(checked)
