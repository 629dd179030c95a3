"""What can go wrong with the embedded servers, in words a user can act on.

LocalServerError
├── UnsupportedError   this machine cannot run the server at all
├── NoAddressError     the server was not started, so it cannot be spoken to
├── PortInUseError     another program took the port between the choice and the start
└── StartFailedError   the server ended, or did not answer in time; carries the last lines of its log
"""

from __future__ import annotations


class LocalServerError(Exception):
    """An embedded server cannot be run as asked; the message says what, where and what to do next."""


class UnsupportedError(LocalServerError):
    """This machine cannot run the embedded server: no binary for it, or the binary does not execute."""


class NoAddressError(LocalServerError):
    """The server was asked for its address before it was started."""


class PortInUseError(LocalServerError):
    """Another program listens on the port that the server was given."""


class StartFailedError(LocalServerError):
    """The server ended by itself or did not answer before its deadline."""
