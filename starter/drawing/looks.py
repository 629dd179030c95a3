"""What each kind of box looks like: its colours, its shape, its icon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["card", "pill", "hexagon", "dot"]


@dataclass(frozen=True)
class Look:
    """Colours and shape of a kind of box; text is dark on the light fill, at least 7 to 1."""

    shape: Shape
    fill: str
    stroke: str
    ink: str = "#111827"


LOOKS = {
    "flow": Look("card", "#1f2937", "#1f2937", "#ffffff"),
    "trigger": Look("pill", "#ede9fe", "#7c3aed"),
    "outside": Look("card", "#dbeafe", "#2563eb"),
    "store": Look("card", "#d1fae5", "#059669"),
    "sleep": Look("pill", "#fef3c7", "#b45309"),
    "decision": Look("hexagon", "#fce7f3", "#be185d"),
    "go_to": Look("pill", "#f3f4f6", "#6b7280"),
    "exit": Look("pill", "#f3f4f6", "#6b7280"),
    "stop": Look("dot", "#6b7280", "#6b7280"),
}
"""The looks: what leaves the house is blue, what changes the CRM green, what takes time amber, what decides pink."""


@dataclass(frozen=True)
class Icon:
    """A sign for text, and the same as strokes on a field of 16 by 16."""

    sign: str
    path: str


ICONS = {
    "flow": Icon("▶️", "M5 3l8 5-8 5z"),
    "trigger": Icon("⚡", "M9 1.5L3.5 9H8l-1 5.5L12.5 7H8z"),
    "hand": Icon("✋", "M8 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM3 14c0-3 2-4.5 5-4.5s5 1.5 5 4.5M12 2v4M10 4h4"),
    "letter": Icon("📧", "M2 3.5h12v9H2zM2 4.5l6 4.5 6-4.5"),
    "bubble": Icon("💬", "M2.5 3h11v7.5H7L4 13.5v-3H2.5z"),
    "hash": Icon("📣", "M6.5 2L5 14M11 2L9.5 14M2.5 5.5h11M2.5 10.5h11"),
    "link": Icon("🔗", "M7 9a3 3 0 0 0 4.3 0l2-2A3 3 0 0 0 9 2.7l-1 1M9 7a3 3 0 0 0-4.3 0l-2 2A3 3 0 0 0 7 13.3l1-1"),
    "check": Icon("✅", "M2.5 2.5h11v11h-11zM5 8l2.2 2.2L11 6"),
    "person": Icon(
        "👤", "M8 7.5a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5zM2.5 14c0-3 2.2-4.5 5.5-4.5s5.5 1.5 5.5 4.5"
    ),
    "list": Icon("📋", "M6 4h8M6 8h8M6 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01"),
    "pencil": Icon("✏️", "M3 13l.7-3L11 2.7l2.3 2.3L6 12.3zM9.5 4.2l2.3 2.3"),
    "file": Icon("🗂️", "M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3M8 7v5M5.5 9.5h5"),
    "gear": Icon(
        "⚙️",
        "M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4"
        "M11.2 11.2l1.4 1.4M12.6 3.4l-1.4 1.4M4.8 11.2l-1.4 1.4",
    ),
    "note": Icon("📝", "M3 2h10v8l-4 4H3zM9 14v-4h4M5.5 5.5h5M5.5 8h3"),
    "clock": Icon("⏳", "M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM8 4.5V8l2.5 2"),
    "calendar": Icon("📅", "M2 3.5h12v10.5H2zM2 6.5h12M5 1.5v3M11 1.5v3"),
    "bell": Icon(
        "🔔", "M3 11.5h10c-1.2-1.2-1.5-2.5-1.5-5a3.5 3.5 0 0 0-7 0c0 2.5-.3 3.8-1.5 5zM6.5 13.5a1.6 1.6 0 0 0 3 0"
    ),
    "fork": Icon("🔀", "M8 14.5V9M8 9L3.5 4.5M8 9l4.5-4.5M3 8V4h4M9 4h4v4"),
    "split": Icon("🎲", "M3 13L13 3M4.5 6.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM11.5 13.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"),
    "arrow": Icon("↪️", "M2.5 12V9a3 3 0 0 1 3-3H13M10 3l3 3-3 3"),
    "stop": Icon("⏹️", "M4 4h8v8H4z"),
}
"""The icons by name."""

_WORDS = {
    "email": "letter",
    "sms": "bubble",
    "whatsapp": "bubble",
    "message": "bubble",
    "slack": "hash",
    "notification": "bell",
    "notify": "bell",
    "webhook": "link",
    "http": "link",
    "task": "check",
    "owner": "person",
    "list": "list",
    "flow": "flow",
    "property": "pencil",
    "create": "file",
    "record": "file",
    "records": "file",
    "note": "note",
}


def icon_of(kind: str) -> str:
    """Choose the icon of a kind of action by the words of its name, so that a new kind needs no entry here."""
    return next((icon for word, icon in _WORDS.items() if word in kind.split("_")), "gear")
