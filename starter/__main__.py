"""`python -m starter`: the command line, as `perdure` runs it."""

from starter.cli import main

if __name__ == "__main__":
    main()
