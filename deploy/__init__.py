"""How Perdure is run: the embedded stack of a developer's machine (`local`), the database schema, deployment files."""
