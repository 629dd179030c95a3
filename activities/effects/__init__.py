"""The world as an action sees it: a protocol for each outside system, and what is handed to it.

The gateways fulfil these protocols; `activities.fakes` has an in-memory twin of each. What they refuse, put off or
cannot tell they raise as `Refused`, `Retryable` or `Ambiguous` of `activities.action`.
"""

from activities.effects.crm import (
    AddTo,
    Append,
    ByHand,
    Clear,
    Crm,
    Edit,
    Edited,
    EmailContent,
    NewTask,
    OutsideCrm,
    PropertyDefinition,
    Provenance,
    Remove,
    SetTo,
    Source,
    User,
    Version,
    differ,
)
from activities.effects.doors import Doors, Let
from activities.effects.mail import Links, Mail, Mailer
from activities.effects.outside import Outside
from activities.effects.parts import Part, Parts
from activities.effects.store import Store
from activities.effects.texts import Texts
from activities.effects.web import Http, Request, Response, Secrets

__all__ = [
    "AddTo",
    "Append",
    "ByHand",
    "Clear",
    "Crm",
    "Doors",
    "Edit",
    "Edited",
    "EmailContent",
    "Http",
    "Let",
    "Links",
    "Mail",
    "Mailer",
    "NewTask",
    "Outside",
    "OutsideCrm",
    "Part",
    "Parts",
    "PropertyDefinition",
    "Provenance",
    "Remove",
    "Request",
    "Response",
    "Secrets",
    "SetTo",
    "Source",
    "Store",
    "Texts",
    "User",
    "Version",
    "differ",
]
