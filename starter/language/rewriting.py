"""Putting a new text into a file that people keep: wholly or not at all, whatever happens in between."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

_BOM = b"\xef\xbb\xbf"


def rewrite(file: Path, text: str) -> None:
    """Replace the text of a file. Its permissions stay, and its byte order mark; a link goes on leading to it.

    Raise OSError, with the file as it was, where it or its folder may not be written.
    """
    real = file.resolve()
    with real.open("r+b") as old:  # which refuses a file that is read-only
        mark = _BOM if old.read(len(_BOM)) == _BOM else b""
    standing = real.stat()
    handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(mark + text.encode())
            new.flush()
            os.fsync(new.fileno())
        with suppress(PermissionError):  # another's file stays readable as it was, and becomes ours
            os.chown(name, standing.st_uid, standing.st_gid)
        Path(name).chmod(standing.st_mode)
        Path(name).replace(real)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
