"""What an installation sets for what is done in our store."""

from __future__ import annotations

from dataclasses import dataclass, field

from activities.consent import ConsentSettings
from activities.sequences import SequenceSettings


@dataclass(frozen=True)
class StoreSettings:
    """The settings that the gateways of the store are opened with."""

    consent: ConsentSettings = field(default_factory=ConsentSettings)
    sequences: SequenceSettings = field(default_factory=SequenceSettings)


DEFAULTS = StoreSettings()
"""What holds where nothing is set."""
