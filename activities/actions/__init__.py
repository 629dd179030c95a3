"""One file a kind of action, each with one `Action` class; the catalogue finds them by looking here."""
