from __future__ import annotations

from pathlib import Path

import pytest

from starter.settings import Settings, named_secrets, variables
from workflows.model.errors import CallerError
from workflows.model.web_addresses import Allowed


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)


def mail_server(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """Set a mail server that is right but for the settings given."""
    right = {"host": "mail.example.com", "sender": "Perdure <flows@example.com>"}
    for name, value in (right | settings).items():
        monkeypatch.setenv(f"PERDURE_SMTP__{name.upper()}", value)


def refusal() -> str:
    with pytest.raises(CallerError) as refused:
        Settings.load()
    return str(refused.value)


def test_nothing_set_means_the_embedded_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any variable there is no database URL, and the home is `.perdure` where the command is run."""
    monkeypatch.chdir(tmp_path)
    settings = Settings.load()
    assert (settings.database_url, settings.home, settings.smtp) == (None, tmp_path / ".perdure", None)


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database URL and the mail password do not show in the representation."""
    monkeypatch.setenv("PERDURE_DATABASE_URL", "postgresql://u:hush@host/db")
    mail_server(monkeypatch, username="anna", password="hush", start_tls="required")
    assert "hush" not in repr(Settings.load())


def test_a_wrong_value_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused database URL, which may hold a password, is named by its variable and not repeated."""
    monkeypatch.setenv("PERDURE_DATABASE_URL", "mysql://u:hush@host/db")
    assert refusal() == "PERDURE_DATABASE_URL: it must begin with postgresql://"


def test_nested_settings_are_joined_by_two_underscores(monkeypatch: pytest.MonkeyPatch) -> None:
    """PERDURE_SMTP__PORT is the port of the mail server."""
    mail_server(monkeypatch, port="2525")
    smtp = Settings.load().smtp
    assert smtp
    assert (smtp.host, smtp.port) == ("mail.example.com", 2525)


def test_what_flows_may_call_beside_the_internet_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """PERDURE_OUTBOUND__ALLOW lists hosts and ranges; without it nothing inner is called, and a bad entry is named."""
    assert Settings.load().outbound.allowed == Allowed()
    monkeypatch.setenv("PERDURE_OUTBOUND__ALLOW", "crm.internal, 10.0.0.0/8")
    assert Settings.load().outbound.allowed == Allowed.read("10.0.0.0/8,crm.internal")
    monkeypatch.setenv("PERDURE_OUTBOUND__ALLOW", "crm.internal, 10.0.0.5/8")
    assert refusal().startswith("PERDURE_OUTBOUND__ALLOW: '10.0.0.5/8' is no range of addresses")


def test_secrets_of_flows_stand_beside_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a variable of its own, taken as it stands; no setting holds them, and what prints settings shows none."""
    monkeypatch.setenv("PERDURE_SECRETS__CRM_TOKEN", '{"hush": 1}')
    monkeypatch.setenv("PERDURE_SECRETS__PIN", "0042")
    monkeypatch.setenv("PERDURE_SECRETS__EMPTY", "")
    assert "hush" not in repr(Settings.load())
    assert named_secrets() == {"CRM_TOKEN": '{"hush": 1}', "PIN": "0042"}


def test_the_folder_of_secrets_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in its name does not make a worker without secrets."""
    monkeypatch.setenv("PERDURE_SECRETS_FOLDER", str(tmp_path))
    assert Settings.load().secrets_folder == tmp_path
    monkeypatch.setenv("PERDURE_SECRETS_FOLDER", str(tmp_path / "typo"))
    assert refusal().startswith("PERDURE_SECRETS_FOLDER: ")


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("PERDURE_SECRETS_CRM", "PERDURE_SECRETS__NAME"),
        ("PERDURE_DATABSE_URL", "PERDURE_DATABASE_URL"),
        ("PERDURE_SMTP_HOST", "PERDURE_SMTP__HOST"),
        ("PERDURE_SMTP__PASWORD", "PERDURE_SMTP__PASSWORD"),
        ("PERDURE_OUTBOUND_ALLOW", "PERDURE_OUTBOUND__ALLOW"),
    ],
)
def test_a_typo_is_refused_with_the_name_that_was_meant(
    variable: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PERDURE_ variable that nothing reads is a mistake, and the nearest name is given."""
    monkeypatch.setenv(variable, "x")
    assert refusal().startswith(f"{variable}: Perdure has no such setting; did you mean {meant}?")


def test_a_name_unlike_any_other_lists_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable without a neighbour is answered with the list of those there are."""
    monkeypatch.setenv("PERDURE_QQQQQ", "x")
    assert all(name in refusal() for name in variables())


def test_every_mistake_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One run names all variables that are wrong."""
    mail_server(monkeypatch, port="70000")
    monkeypatch.setenv("PERDURE_SANDBOX", "perhaps")
    monkeypatch.setenv("PERDURE_HOMES", "x")
    assert [line.partition(":")[0] for line in refusal().splitlines()] == [
        "PERDURE_HOMES",
        "PERDURE_SMTP__PORT",
        "PERDURE_SANDBOX",
    ]


@pytest.mark.parametrize(
    "variable",
    ["PERDURE_SERVICE_HOST", "PERDURE_API_SERVICE_PORT_HTTP", "PERDURE_PORT", "PERDURE_PORT_8080_TCP_ADDR"],
)
def test_the_links_of_a_kubernetes_service_are_no_settings(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Kubernetes sets beside a service called perdure is ignored."""
    monkeypatch.setenv(variable, "10.0.0.1")
    Settings.load()


def test_action_folders_are_separated_as_in_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PERDURE_ACTIONS holds several folders."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.setenv("PERDURE_ACTIONS", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert Settings.load().actions == (tmp_path / "a", tmp_path / "b")


def test_an_action_folder_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in PERDURE_ACTIONS that does not exist is named."""
    monkeypatch.setenv("PERDURE_ACTIONS", str(tmp_path / "gone"))
    assert refusal() == f"PERDURE_ACTIONS: there is no folder {tmp_path / 'gone'}"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass unset variables on as empty ones."""
    monkeypatch.setenv("PERDURE_DATABASE_URL", "")
    assert Settings.load().database_url is None


def test_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are frozen."""
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().sandbox = True  # type: ignore[misc]


def test_a_mail_server_without_a_sender_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a group of settings lacks is named as a variable."""
    monkeypatch.setenv("PERDURE_SMTP__HOST", "mail.example.com")
    assert refusal() == "PERDURE_SMTP__SENDER is not set, and the settings beside it need it"


@pytest.mark.parametrize("url", ["https://crm.example.com", "https://a.example:8443/perdure/", "http://localhost:8000"])
def test_our_pages_are_reached_by_https(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public URL is https, or on one's own machine."""
    monkeypatch.setenv("PERDURE_PUBLIC_URL", url)
    assert Settings.load().public_url == url


@pytest.mark.parametrize(
    "url", ["crm.example.com", "http://crm.example.com", "https://a/?b=c", "https://a/>", "https://u:p@a.example"]
)
def test_a_public_url_that_no_mailbox_would_call_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in a header of every e-mail."""
    monkeypatch.setenv("PERDURE_PUBLIC_URL", url)
    assert refusal() == "PERDURE_PUBLIC_URL: it must be an https:// URL without a query, as https://crm.example.com"


def test_a_signing_key_is_long_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever guesses it ends everybody's e-mail."""
    monkeypatch.setenv("PERDURE_SIGNING_KEY", "hush" * 8)
    assert "hush" not in repr(Settings.load())
    monkeypatch.setenv("PERDURE_SIGNING_KEY", "hush")
    told = refusal()
    assert "PERDURE_SIGNING_KEY" in told
    assert "hush" not in told
