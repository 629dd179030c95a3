"""Secrets by name, from the environment and from a folder with a file each, as Docker and Kubernetes lay them out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from activities.action import Refused
from activities.effects import Secrets

MOST_BYTES = 64 * 1024


class NamedSecrets(Secrets):
    """Looks in the environment first. A file is read at every use, so a secret that is replaced there is replaced."""

    def __init__(self, environment: Mapping[str, str], folder: Path | None = None) -> None:
        """Take secrets by their names in capitals, and the folder."""
        self._environment, self._folder = dict(environment), folder

    def get(self, name: str) -> str:
        """See Secrets. A name is one in either case; what stands at the end of a file's line is not of the secret."""
        found = self._environment.get(capital(name))
        if found is None and self._folder is not None:
            found = _in_folder(self._folder, name)
        if not found:
            raise Refused("unknown_secret", f"set PERDURE_SECRETS__{capital(name)}, or lay a file {name} in the folder")
        return found


def capital(name: str) -> str:
    """Give the name of a secret as a variable of the environment can hold it."""
    return name.upper().replace("-", "_")


def _in_folder(folder: Path, name: str) -> str | None:
    for path in (folder / each for each in dict.fromkeys((name, name.lower(), name.upper()))):
        try:
            with path.open("rb") as file:
                return file.read(MOST_BYTES).decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            continue
    return None
