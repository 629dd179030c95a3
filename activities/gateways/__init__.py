"""One file an outside system: our clients of Postgres, SMTP and the rest."""
