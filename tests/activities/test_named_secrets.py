from __future__ import annotations

from pathlib import Path

import pytest

from activities.action import Refused
from activities.gateways.named_secrets import NamedSecrets


@pytest.mark.parametrize("name", ["crm_token", "CRM_TOKEN", "crm-token"])
def test_the_environment_gives_a_secret_in_any_spelling(name: str) -> None:
    """A variable has capitals and no dash; a flow may name it as people do."""
    assert NamedSecrets({"CRM_TOKEN": "hush"}).get(name) == "hush"


@pytest.mark.parametrize("name", ["crm-token", "CRM-TOKEN"])
def test_a_file_gives_a_secret(tmp_path: Path, name: str) -> None:
    """A file is a secret, without the end of its line."""
    (tmp_path / "crm-token").write_text("hush\n")
    assert NamedSecrets({}, tmp_path).get(name) == "hush"


def test_a_file_that_is_replaced_counts_at_once(tmp_path: Path) -> None:
    """Secrets are exchanged without a restart."""
    secrets = NamedSecrets({}, tmp_path)
    (tmp_path / "a").write_text("old")
    assert secrets.get("a") == "old"
    (tmp_path / "a").write_text("new")
    assert secrets.get("a") == "new"


def test_the_environment_comes_before_the_folder(tmp_path: Path) -> None:
    """What an operator sets for one worker counts there."""
    (tmp_path / "a").write_text("file")
    assert NamedSecrets({"A": "variable"}, tmp_path).get("a") == "variable"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_secret_that_is_not_there_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Neither an empty nor an unreadable file is a secret; the code does not name it, and the note says what to do."""
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    with pytest.raises(Refused) as refused:
        NamedSecrets({"B": "hush"}, tmp_path).get("a")
    assert (refused.value.code, "PERDURE_SECRETS__A" in refused.value.note) == ("unknown_secret", True)
    assert "hush" not in refused.value.note


def test_secrets_do_not_show() -> None:
    """What prints the gateway prints no secret."""
    assert "hush" not in repr(NamedSecrets({"A": "hush"}))
