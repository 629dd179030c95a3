#!/bin/sh
# Makes the namespace and the search attributes that Perdure's enrollments are found by; what is there stays as it is.
# TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say where.
set -eu

temporal operator namespace describe >/dev/null 2>&1 ||
    temporal operator namespace create --retention 30d "$TEMPORAL_NAMESPACE"

# The server learns of a new namespace a little later than it says.
tries=0
until temporal operator search-attribute list >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || { echo "temporal-namespace: $TEMPORAL_NAMESPACE is not there after a minute" >&2; exit 1; }
    sleep 1
done

for name in PerdureFlow PerdureRecord PerdureRevision; do
    temporal operator search-attribute list | grep -qw "$name" ||
        temporal operator search-attribute create --name "$name" --type Keyword
done
