#!/bin/sh
# Makes Temporal's two databases, or brings them up to this release. Each step does nothing where it was done before.
set -eu

export SQL_PASSWORD="$POSTGRES_PWD"
for database in temporal temporal_visibility; do
    folder=${database#temporal_}
    tool() { temporal-sql-tool --plugin postgres12 --ep temporal-db --port 5432 --user temporal --db "$database" "$@"; }
    tool create
    tool setup-schema -v 0.0
    tool update-schema -d "/etc/temporal/schema/postgresql/v12/$folder/versioned"
done
