"""`perdure`, and `python -m starter`: the command line."""

import signal


def main() -> None:
    """Run the command line and exit."""
    # Until a command asks for the signal, Ctrl-C ends the process at once: raised as an exception, it would come out of
    # whatever module is being loaded, as that module's own failure.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from starter.cli import main as run

    run()


if __name__ == "__main__":
    main()
