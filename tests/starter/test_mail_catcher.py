from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from activities.effects import Mail
from activities.gateways.smtp import SmtpMailer
from starter.mail_catcher import MailCatcher, catching
from starter.settings import Settings


async def sent(catcher: MailCatcher, monkeypatch: pytest.MonkeyPatch, to: str) -> None:
    """Send an e-mail as a worker under the catcher's settings does."""
    for name, value in catcher.environment.items():
        monkeypatch.setenv(name, value)
    smtp = Settings.load().smtp
    assert smtp
    mailer = SmtpMailer(smtp)
    try:
        await mailer.send(Mail(to=to, subject="Größe", text="Hello"), key="k" * 20)
    finally:
        await mailer.close()


async def test_an_email_is_kept_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker sends can be opened as a mail."""
    async with catching(tmp_path / "mail") as catcher:
        await sent(catcher, monkeypatch, "anna@example.com")
    (file,) = (tmp_path / "mail").iterdir()
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (file.name, mail["subject"], catcher.caught) == ("0001-anna@example.com.eml", "Größe", 1)


async def test_later_emails_are_numbered_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catcher that is started again writes over nothing."""
    for _ in range(2):
        async with catching(tmp_path) as catcher:
            await sent(catcher, monkeypatch, "anna@example.com")
    assert sorted(file.name[:4] for file in tmp_path.iterdir()) == ["0001", "0002"]


async def test_an_address_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipient with slashes does not lead out of the folder."""
    async with catching(tmp_path / "mail") as catcher:
        await sent(catcher, monkeypatch, "a/up@example.com")
    assert [file.parent for file in tmp_path.rglob("*.eml")] == [tmp_path / "mail"]
