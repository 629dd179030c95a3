"""Settings: what the environment says, read once by the composition roots and handed down.

`PERDURE_*` variables are ours. Temporal's connection is configured as for every Temporal SDK (`TEMPORAL_ADDRESS`,
`TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS_*`, `temporal.toml`), see `compose.py`.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, DirectoryPath, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from activities.consent import ConsentSettings
from activities.gateways.outbound import OutboundSettings
from activities.gateways.push_settings import PushSettings
from activities.gateways.smtp import SmtpSettings
from activities.gateways.twilio_settings import TwilioSettings
from activities.sequences import SequenceSettings
from activities.store_settings import StoreSettings
from starter.api.settings import ApiSettings
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from activities.catalogue import Catalogue

PREFIX = "PERDURE_"
DEBUG = "PERDURE_DEBUG"
"""Set to anything, errors come with their traceback. Read by `cli.py` alone, for settings may be what is wrong."""

SECRETS = f"{PREFIX}SECRETS__"
_SECRET = re.compile(rf"{SECRETS}[A-Z][A-Z0-9_]{{0,62}}")

_SERVICE_LINK = re.compile(r"PERDURE_(\w+_)?(SERVICE_HOST|SERVICE_PORT\w*|PORT(_\d+_(TCP|UDP|SCTP)\w*)?)")
"""What Kubernetes puts into every container beside a service called `perdure...`: never meant for us."""


_PUBLIC_URL = re.compile(r"(https://[A-Za-z0-9.-]+|http://(localhost|127\.0\.0\.1))(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?")
"""Mailboxes call nothing but https; http is for a look at one's own machine."""

_NESTED: dict[str, type[BaseModel]] = {
    "smtp": SmtpSettings,
    "twilio": TwilioSettings,
    "push": PushSettings,
    "outbound": OutboundSettings,
    "consent": ConsentSettings,
    "sequences": SequenceSettings,
    "api": ApiSettings,
}
"""Settings that have settings of their own."""


class Settings(BaseSettings):
    """Everything that can be set from outside, each by the variable `PERDURE_` and its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: SecretStr | None = Field(
        None, description="URL of the PostgreSQL database; none means that of the embedded stack."
    )
    home: Path = Field(Path(".perdure"), description="Data folder of the embedded stack.")
    smtp: SmtpSettings | None = Field(
        None, description="The mail server, as PERDURE_SMTP__HOST, PERDURE_SMTP__PORT and so on."
    )
    outbound: OutboundSettings = Field(
        OutboundSettings(), description="What flows may call beside the public internet, as PERDURE_OUTBOUND__ALLOW."
    )
    api: ApiSettings = Field(
        ApiSettings(), description="Where `perdure serve` listens and who may call it, as PERDURE_API__KEYS."
    )
    consent: ConsentSettings = Field(
        ConsentSettings(), description="What is asked before contacts are written to, as PERDURE_CONSENT__LEGAL_BASIS."
    )
    sequences: SequenceSettings = Field(
        SequenceSettings(), description="How much is done by sequences, as PERDURE_SEQUENCES__MOST_A_DAY."
    )
    twilio: TwilioSettings | None = Field(
        None, description="The account that texts are sent from, as PERDURE_TWILIO__ACCOUNT_SID and so on."
    )
    push: PushSettings | None = Field(
        None, description="The keys that notifications are pushed to devices with, as PERDURE_PUSH__PRIVATE_KEY."
    )
    public_url: str | None = Field(
        None,
        description="Where our pages are reached from outside, as https://crm.example.com; for links in e-mail.",
    )
    signing_key: SecretStr | None = Field(
        None, min_length=32, description="What signs the links in e-mail: 32 characters or more that nobody else knows."
    )
    secrets_folder: DirectoryPath | None = Field(
        None, description="A folder with a file for each secret that flows may name, as Docker and Kubernetes lay out."
    )
    crm: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="A CRM that is not in our database, as the package.module:function that makes its gateway.",
    )
    sandbox: bool = Field(
        default=False, description="Whether workflow code runs in the sandbox: safer in tests, 40 % slower."
    )
    clock_speed: float = Field(
        1.0,
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="How fast delays and waits pass, for demonstrations: at 86400 a day takes a second.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
    actions: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders with actions of your own, separated as in PATH."
    )

    allowed_actions: Annotated[frozenset[str] | None, NoDecode] = Field(
        None, description="The kinds of action that flows may do, separated by commas; all, if it is not set."
    )

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, url: SecretStr | None) -> SecretStr | None:
        if url and not url.get_secret_value().startswith(("postgresql://", "postgres://")):
            message = "it must begin with postgresql://"
            raise ValueError(message)
        return url

    @field_validator("public_url")
    @classmethod
    def _is_public(cls, url: str | None) -> str | None:
        if url and not _PUBLIC_URL.fullmatch(url):
            raise ValueError("it must be an https:// URL without a query, as https://crm.example.com")
        return url

    @field_validator("home")
    @classmethod
    def _is_absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_any_case(cls, level: object) -> object:
        return level.lower() if isinstance(level, str) else level

    @field_validator("allowed_actions", mode="before")
    @classmethod
    def _separated(cls, kinds: object) -> object:
        return frozenset(kind.strip() for kind in kinds.split(",")) - {""} if isinstance(kinds, str) else kinds

    @field_validator("actions", mode="before")
    @classmethod
    def _as_in_path(cls, folders: object) -> object:
        return tuple(part for part in folders.split(os.pathsep) if part) if isinstance(folders, str) else folders

    @field_validator("actions")
    @classmethod
    def _are_folders(cls, folders: tuple[Path, ...]) -> tuple[Path, ...]:
        resolved = tuple(folder.expanduser().resolve() for folder in folders)
        if missing := [str(folder) for folder in resolved if not folder.is_dir()]:
            message = f"there is no folder {', '.join(missing)}"
            raise ValueError(message)
        return resolved

    @property
    def store(self) -> StoreSettings:
        """What the gateways of our store are opened with."""
        return StoreSettings(consent=self.consent, sequences=self.sequences)

    def catalogue(self) -> Catalogue:
        """Load the actions; what they edit in a CRM that is not in our database is outside."""
        from activities.catalogue import Catalogue

        return Catalogue.load(*self.actions, crm_joins=self.crm is None, allowed=self.allowed_actions)

    @classmethod
    def load(cls) -> Settings:
        """Read the environment; raise CallerError that names every variable that is unknown or wrong."""
        mistakes = list(_unknown_variables())
        try:
            settings = cls()
        except ValidationError as error:
            wrong = [each for each in error.errors(include_input=False) if each["type"] != "extra_forbidden"]
            mistakes += [_worded(each["loc"], each["msg"]) for each in wrong]
        if mistakes:
            raise CallerError("\n".join(mistakes))
        return settings


def named_secrets() -> dict[str, str]:
    """Give the secrets that flows may name, by their names in capitals. No other setting holds them, nor shows them."""
    given = {name.upper(): value for name, value in os.environ.items()}
    return {name.removeprefix(SECRETS): value for name, value in given.items() if name.startswith(SECRETS) and value}


def variables() -> dict[str, str]:
    """Give every variable that is read, with what it is for."""
    own = {name: field for name, field in Settings.model_fields.items() if name not in _NESTED}
    inner = {f"{name}__{each}": field for name, model in _NESTED.items() for each, field in model.model_fields.items()}
    told = {f"{PREFIX}{name.upper()}": field.description or "" for name, field in (own | inner).items()}
    return {**told, f"{SECRETS}NAME": "A secret that flows may name, here the one that is called `name`."}


def _unknown_variables() -> Iterator[str]:
    known = {*variables(), *(f"{PREFIX}{name.upper()}" for name in _NESTED), DEBUG}
    for name in sorted(os.environ):
        given = name.upper()
        if not given.startswith(PREFIX) or given in known or _SERVICE_LINK.fullmatch(given):
            continue
        if _SECRET.fullmatch(given):
            continue
        stems = [each.removeprefix(PREFIX) for each in variables()]
        near = difflib.get_close_matches(given.removeprefix(PREFIX), stems, 1)
        hint = f"did you mean {PREFIX}{near[0]}?" if near else f"there are {', '.join(sorted(variables()))}."
        yield f"{name}: Perdure has no such setting; {hint}"


def _worded(place: tuple[int | str, ...], message: str) -> str:
    name = "__".join(str(part) for part in place if not isinstance(part, int)).upper()
    if message == "Field required":
        return f"{PREFIX}{name} is not set, and the settings beside it need it"
    return f"{PREFIX}{name}: {message.removeprefix('Value error, ')}"
