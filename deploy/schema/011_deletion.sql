-- Deleted records: found by when they were deleted, for the purge.

create index record_archived on record (archived_at) where archived_at is not null;
