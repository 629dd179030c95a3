"""What we push to devices with."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from workflows.model.addresses import is_address

_KEY = re.compile(r"[A-Za-z0-9_-]{43}|-----BEGIN [A-Z ]*PRIVATE KEY-----.+", re.DOTALL)


class PushSettings(BaseModel):
    """The pair of keys by which push services know us; the public one is made of the private one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    private_key: SecretStr = Field(
        description="The key that signs what is pushed to devices, as `perdure push-keys` makes one, or as PEM."
    )
    subscriber: str = Field(description="The e-mail address at which push services reach who runs this installation.")

    @field_validator("private_key")
    @classmethod
    def _is_a_key(cls, key: SecretStr) -> SecretStr:
        if not _KEY.fullmatch(key.get_secret_value().strip()):
            raise ValueError("it is no private key; `perdure push-keys` makes one")
        return key

    @field_validator("subscriber")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        if not is_address(address):
            raise ValueError("write one plain e-mail address, as ann@acme.example")
        return address
