"""The embedded stack: PostgreSQL and the Temporal dev server from wheels, on loopback, in one data folder.

`stack.Stack` is the way in; the other modules each hold one of its parts.
"""
