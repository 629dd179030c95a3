from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload

from tests.flows import delay, flow
from workflows.codec import LOAD_TIMEOUT, FolderSource, RevisionCodec, Revisions
from workflows.contract import WORKFLOW_TASK_TIMEOUT
from workflows.converter import REVISIONS
from workflows.model.errors import UnknownRevision
from workflows.model.revision import Revision, canonical

REVISION = flow("f", delay("d", "1 day"))
OTHER = flow("g", delay("d", "1 day"))


class Source:
    """A source of revisions that counts its readers, and is away for the first `away` reads."""

    def __init__(self, *revisions: Revision, away: int = 0) -> None:
        self.texts = {each.hash: canonical(each.flow) for each in revisions}
        self.away, self.reads = away, 0
        self.open = asyncio.Event()
        self.open.set()

    async def read(self, revision: str) -> str | None:
        self.reads += 1
        await self.open.wait()
        if self.reads <= self.away:
            raise ConnectionRefusedError
        return self.texts.get(revision)


def naming(*revisions: Revision) -> Payload:
    return Payload(data=b"{}", metadata={REVISIONS: ",".join(each.hash for each in revisions).encode()})


async def test_a_revision_is_loaded_once_however_many_ask() -> None:
    """Fifty decodes at once and fifty later ones read the source once, and all get the one object."""
    source = Source(REVISION)
    source.open.clear()
    revisions = Revisions(source)
    decodes = [asyncio.ensure_future(RevisionCodec(revisions).decode([naming(REVISION)])) for _ in range(50)]
    await asyncio.sleep(0)
    source.open.set()
    await asyncio.gather(*decodes)
    first = revisions.known[REVISION.hash]
    await asyncio.gather(*(revisions.get(REVISION.hash) for _ in range(50)))
    assert (source.reads, await revisions.get(REVISION.hash)) == (1, first)
    assert await revisions.get(REVISION.hash) is first


async def test_payloads_pass_unchanged() -> None:
    """The codec only loads: what it encodes and decodes is what it was given, named revisions loaded."""
    codec = RevisionCodec(Revisions(Source(REVISION, OTHER)))
    payloads = [naming(REVISION, OTHER), Payload(data=b"x"), Payload()]
    assert await codec.encode(payloads) == payloads
    assert await codec.decode(payloads) == payloads
    assert set(codec.revisions.known) == {REVISION.hash, OTHER.hash}


async def test_a_source_that_comes_back_is_asked_again() -> None:
    """A database that restarts in the middle of a load costs a moment, not a failed task."""
    source = Source(REVISION, away=1)
    assert (await Revisions(source).get(REVISION.hash)).flow == REVISION.flow
    assert source.reads == 2


async def test_a_source_that_stays_away_ends_in_a_short_error() -> None:
    """When the time is up the error says what and why, with no chain of the source's own errors."""
    with pytest.raises(UnknownRevision, match=f"{REVISION.hash} cannot be loaded: its source is away") as caught:
        await Revisions(Source(REVISION, away=1000), timeout=0.05).get(REVISION.hash)
    assert caught.value.__suppress_context__


async def test_a_source_that_hangs_is_given_up() -> None:
    """A read that never comes back is cut off when the time is up."""
    source = Source(REVISION)
    source.open.clear()
    with pytest.raises(UnknownRevision, match="away"):
        await Revisions(source, timeout=0.05).get(REVISION.hash)


async def test_a_hash_that_nobody_published_is_unknown() -> None:
    """The error tells an unpublished revision from a source that is away."""
    with pytest.raises(UnknownRevision, match="it is not published here"):
        await Revisions(Source(), timeout=0.05).get("feed")


async def test_many_waiters_give_up_together() -> None:
    """Fifty who ask while the source is away are all told within the one time limit, not one after the other."""
    source = Source(REVISION)
    source.open.clear()
    revisions = Revisions(source, timeout=0.1)
    async with asyncio.timeout(1):
        failed = await asyncio.gather(*(revisions.get(REVISION.hash) for _ in range(50)), return_exceptions=True)
    assert {type(each) for each in failed} == {UnknownRevision}
    source.open.set()
    assert (await revisions.get(REVISION.hash)).hash == REVISION.hash


async def test_a_text_under_a_wrong_hash_is_not_taken() -> None:
    """A source whose text was changed is not believed: the hash is of exactly these bytes."""
    source = Source()
    source.texts[REVISION.hash] = canonical(OTHER.flow)
    with pytest.raises(UnknownRevision, match=r"was changed"):
        await Revisions(source).get(REVISION.hash)


async def test_a_text_of_a_newer_release_is_unknown_here() -> None:
    """A kind of step that this release does not have is no mistake of the text: a newer worker will read it."""
    source, newer = Source(), canonical(REVISION.flow).replace('"do":"delay"', '"do":"nap"')
    source.texts[REVISION.hash] = newer
    with pytest.raises(UnknownRevision, match="cannot be read by this release"):
        await Revisions(source).get(REVISION.hash)


async def test_a_folder_keeps_what_it_is_given(tmp_path: Path) -> None:
    """A revision written into a folder is read from it by another process."""
    FolderSource(tmp_path / "new").write(REVISION)
    revisions = Revisions(FolderSource(tmp_path / "new"), timeout=0.05)
    assert (await revisions.get(REVISION.hash)).flow == REVISION.flow
    with pytest.raises(UnknownRevision):
        await revisions.get(OTHER.hash)


def test_a_load_is_tried_for_less_than_a_workflow_task_takes() -> None:
    """A load that fails is our short error before it is the server's time-out."""
    assert Revisions(Source()).timeout == LOAD_TIMEOUT < WORKFLOW_TASK_TIMEOUT.total_seconds()
