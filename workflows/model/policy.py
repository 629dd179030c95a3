"""Policies frozen into a published revision: how long to try, and what a failure does."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

OnFailure = Literal["continue", "stop", "go_to", "park"]
"""After a failure: move on (HubSpot's rule), leave the flow, take the `failed` edge, or be held for an operator."""

Repeat = Literal["at_least_once", "at_most_once"]
"""What to do when an earlier attempt may or may not have reached the provider, and the provider cannot tell."""


class Retry(BaseModel):
    """When a failed attempt is tried again: after `first`, growing by `growth` up to `most`, for `within` in all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: timedelta = timedelta(seconds=1)
    growth: float = Field(2.0, ge=1, le=10)
    most: timedelta = timedelta(minutes=10)
    within: timedelta = timedelta(days=3)
