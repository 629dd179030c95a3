"""Where the API listens, and who may call it."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, FilePath, IPvAnyAddress, SecretStr, field_validator

_KEY = re.compile(r"[!-+\--~]{32,200}")
"""Visible ASCII but the comma: what fits into a header, and into a list in one variable."""


class ApiSettings(BaseModel):
    """Where `perdure serve` listens, and the keys that it takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    host: IPvAnyAddress = Field(
        "127.0.0.1",  # type: ignore[assignment]  # validated as any other
        description="The address that `perdure serve` listens on; 0.0.0.0 is all, and takes keys.",
    )
    port: int = Field(8088, ge=0, le=65535, description="Its port; 0 takes a free one.")
    keys: SecretStr | None = Field(
        None, description="Keys that the API takes, each of 32 characters or more, separated by commas."
    )
    keys_file: FilePath | None = Field(None, description="A file with keys that the API takes as well, one a line.")

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None:
            read_keys(keys.get_secret_value().split(","))
        return keys

    @field_validator("keys_file")
    @classmethod
    def _holds_keys(cls, file: FilePath | None) -> FilePath | None:
        if file is not None and not read_keys(file.read_text(encoding="utf-8", errors="replace").splitlines()):
            raise ValueError("it holds no key")
        return file

    def all_keys(self) -> list[str]:
        """Read the keys, also those of the file as it is now."""
        lines = self.keys_file.read_text(encoding="utf-8").splitlines() if self.keys_file else []
        return read_keys([*(self.keys.get_secret_value().split(",") if self.keys else []), *lines])


def read_keys(texts: list[str]) -> list[str]:
    """Read keys, with empty ones left out; raise ValueError, which quotes none, where one is too short or odd."""
    keys = [text.strip() for text in texts if text.strip()]
    if not all(_KEY.fullmatch(key) for key in keys):
        raise ValueError("each key takes 32 to 200 visible ASCII characters and no comma")
    return keys
