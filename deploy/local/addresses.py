"""Where a running stack answers: what its `up` tells every other process that shares the data folder."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Addresses(BaseModel):
    """The addresses of one running stack."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int = Field(description="The process that started the stack and will stop it.")
    dsn: str = Field(description="The URL of the PostgreSQL database, with its password.", repr=False)
    temporal: str = Field(description="Host and port of the Temporal service.")
    namespace: str = Field(description="The Temporal namespace.")
    ui: str | None = Field(description="The URL of the Temporal Web UI; none when the stack is headless.")
