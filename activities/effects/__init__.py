"""The world as an action sees it: a protocol for each outside system, and what is handed to it.

The gateways fulfil these protocols; `activities.fakes` has an in-memory twin of each. What they refuse, put off or
cannot tell they raise as `Refused`, `Retryable` or `Ambiguous` of `activities.action`.
"""

from activities.effects.consent import Choice, Chosen, Consent, MarketingStatus, OptState, Sending, SubscriptionContent
from activities.effects.crm import (
    AddTo,
    Append,
    ByHand,
    Clear,
    Crm,
    Edit,
    Edited,
    EmailContent,
    Fill,
    Link,
    NewNote,
    NewRecord,
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
from activities.effects.doors import Announced, Doors, Let
from activities.effects.inbox import Inbox, Notice, Push, Pushed
from activities.effects.lists import ListContent, Lists
from activities.effects.mail import Links, Mail, Mailer
from activities.effects.outside import Outside
from activities.effects.parts import Part, Parts
from activities.effects.people import People
from activities.effects.quotas import MONTH, NEVER, Limit, Quota, Quotas, month_of, next_month
from activities.effects.rotations import Rotation, Rotations
from activities.effects.sms import OptOuts, Sms, Texted, TextLimits, TextMessage, TextState
from activities.effects.store import Store
from activities.effects.texts import Texts
from activities.effects.web import Http, Request, Response, Secrets

__all__ = [
    "MONTH",
    "NEVER",
    "AddTo",
    "Announced",
    "Append",
    "ByHand",
    "Choice",
    "Chosen",
    "Clear",
    "Consent",
    "Crm",
    "Doors",
    "Edit",
    "Edited",
    "EmailContent",
    "Fill",
    "Http",
    "Inbox",
    "Let",
    "Limit",
    "Link",
    "Links",
    "ListContent",
    "Lists",
    "Mail",
    "Mailer",
    "MarketingStatus",
    "NewNote",
    "NewRecord",
    "NewTask",
    "Notice",
    "OptOuts",
    "OptState",
    "Outside",
    "OutsideCrm",
    "Part",
    "Parts",
    "People",
    "PropertyDefinition",
    "Provenance",
    "Push",
    "Pushed",
    "Quota",
    "Quotas",
    "Remove",
    "Request",
    "Response",
    "Rotation",
    "Rotations",
    "Secrets",
    "Sending",
    "SetTo",
    "Sms",
    "Source",
    "Store",
    "SubscriptionContent",
    "TextLimits",
    "TextMessage",
    "TextState",
    "Texted",
    "Texts",
    "User",
    "Version",
    "differ",
    "month_of",
    "next_month",
]
