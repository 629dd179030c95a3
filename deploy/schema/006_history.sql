-- Looking back: what the history of a flow, a record or an enrollment is found by.

-- `is true`, as only the questions about the past write it: a walk looks for its sleepers by enrollment, and must not be
-- led to believe that all who sleep anywhere are few.
create index visit_over on visit (ended_at) where state = 'done';
create index visit_open on visit (began_at) where (state <> 'done') is true;
create index visit_open_at on visit (node, began_at) where (state <> 'done') is true;
create index visit_trouble on visit (ended_at) where state = 'done' and answer ? 'outcome';
create index enrollment_over on enrollment (closed_at) where closed_at is not null;
create index enrollment_open on enrollment (accepted_at) where closed_at is null;
create index enrollment_leaving on enrollment (accepted_at) where leaving is not null and closed_at is null;
