"""The codec that has a payload's revisions in the cache before the payload is read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from workflows.converter import REVISIONS
from workflows.model.errors import UnknownRevision
from workflows.model.revision import Known, Revision, canonical

LOAD_TIMEOUT = 4.0
"""Seconds that a load is tried for, under the workflow task's own limit; then the task fails, and is tried again."""

LOAD_PAUSE = 0.2


class RevisionSource(Protocol):
    """Where revisions are read from, by hash."""

    async def read(self, revision: str) -> str | None:
        """Give the canonical JSON of a revision, None when there is none; raise OSError while the source is away."""


class FolderSource:
    """Revisions as files `HASH.json` in a folder: for the Replayer, tests and dry runs."""

    def __init__(self, folder: Path) -> None:
        """Read from `folder`."""
        self.folder = folder

    async def read(self, revision: str) -> str | None:
        """See RevisionSource."""
        path = self.folder / f"{revision}.json"
        return path.read_text() if path.exists() else None

    def write(self, revision: Revision) -> None:
        """Keep a revision in the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{revision.hash}.json").write_text(canonical(revision.flow))


class Revisions:
    """The revisions that this process has loaded, and the one way to load more."""

    def __init__(self, source: RevisionSource, *, timeout: float = LOAD_TIMEOUT) -> None:
        """Load from `source`; each who asks waits for at most `timeout` seconds."""
        self.source, self.timeout = source, timeout
        self.known = Known()
        self._loading: dict[str, asyncio.Lock] = {}

    async def get(self, revision: str) -> Revision:
        """Give a revision, loading it if need be; raise UnknownRevision when the source has none or stays away."""
        if revision not in self.known:
            deadline = asyncio.get_running_loop().time() + self.timeout
            async with self._loading.setdefault(revision, asyncio.Lock()):
                if revision not in self.known:
                    self.known[revision] = await self._load(revision, deadline)
            self._loading.pop(revision, None)
        return self.known[revision]

    async def _load(self, revision: str, deadline: float) -> Revision:
        text = await self._read(revision, deadline)
        try:
            loaded = Revision.read(text)
        except ValueError as error:
            # Published by a newer release, whose kinds this one does not know: a newer worker will take it.
            message = f"revision {revision} cannot be read by this release"
            raise UnknownRevision(message) from error
        if loaded.hash != revision:
            message = f"revision {revision} cannot be loaded: its text was changed in the source"
            raise UnknownRevision(message)
        return loaded

    async def _read(self, revision: str, deadline: float) -> str:
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    text = await self.source.read(revision)
                if text is not None:
                    return text
                reason = "it is not published here"
            except (OSError, TimeoutError) as error:
                reason = f"its source is away ({type(error).__name__})"
            if asyncio.get_running_loop().time() + LOAD_PAUSE > deadline:
                message = f"revision {revision} cannot be loaded: {reason}"
                raise UnknownRevision(message) from None
            await asyncio.sleep(LOAD_PAUSE)


class RevisionCodec(PayloadCodec):
    """Leaves payloads as they are; on decode it loads the revisions that they name."""

    def __init__(self, revisions: Revisions) -> None:
        """Load through `revisions`."""
        self.revisions = revisions

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Give the payloads unchanged."""
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Load what the payloads name, and give them unchanged."""
        for payload in payloads:
            for revision in payload.metadata.get(REVISIONS, b"").decode().split(","):
                if revision:
                    await self.revisions.get(revision)
        return list(payloads)
