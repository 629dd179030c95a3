-- The engine: what is published, who is inside, what each visit came to, and what waits to be told.

create table revision (
  hash         text primary key,
  flow         text not null,
  number       integer not null,
  body         text not null,               -- canonical JSON; the hash is of exactly these bytes
  published_at timestamptz not null default now(),
  announced_at timestamptz,                 -- sleepers that the edit touches have been told
  unique (flow, number)
);

create table flow (
  key       text primary key,
  current   text not null references revision (hash),
  is_on     boolean not null default false,
  paused    boolean not null default false
);

create table enrollment (
  id          uuid primary key,
  flow        text not null references flow (key),
  type        text not null,
  record      text not null,
  key         text not null default '',
  revision    text not null references revision (hash),
  cause       text not null default '',     -- who or what enrolled the record
  event       uuid,                         -- the event that did, whose properties tokens may name
  accepted_at timestamptz not null default clock_timestamp(),
  started_at  timestamptz,                  -- Temporal has accepted the start
  paused      boolean not null default false,
  leaving     text,                         -- ordered to leave, with this ending
  ending      text,
  closed_at   timestamptz
);
-- At most one enrollment of a record in a flow at a time, whatever races.
create unique index enrollment_inside on enrollment (flow, type, record, key) where closed_at is null;
create index enrollment_of_record on enrollment (type, record, flow);
create index enrollment_of_flow on enrollment (flow, accepted_at);
create index enrollment_newest on enrollment (accepted_at);

-- One row a visit, inserted once. `answer` is what the walk was told; `output` what later nodes may read.
create table visit (
  enrollment uuid not null references enrollment (id) on delete cascade,
  visit      integer not null,
  node       text not null,
  kind       text not null,
  revision   text not null,
  state      text not null check (state in ('asleep', 'intent', 'retrying', 'unknown', 'done')),
  attempt    text,                          -- whose intent this is
  repeated   boolean not null default false, -- the effect may have happened twice
  answer     jsonb,
  output     jsonb,
  content    jsonb,                         -- what is sent, frozen at the first attempt
  note       text not null default '',      -- for people: may quote a provider, never enters history
  began_at   timestamptz not null default clock_timestamp(),
  ended_at   timestamptz,
  primary key (enrollment, visit)
);

create table event (
  id          uuid primary key default gen_random_uuid(),
  seq         bigint generated always as identity,
  source      text not null default 'crm',
  source_id   text not null default gen_random_uuid()::text,
  type        text not null,
  record_type text not null,
  record_id   text not null,
  properties  jsonb not null default '{}',
  occurred_at timestamptz,                  -- when its source says it happened
  at          timestamptz not null default clock_timestamp(),
  xact        xid8 not null default pg_current_xact_id(),
  shard       smallint not null generated always as
              ((hashtext(record_type || ':' || record_id) & 15)::smallint) stored,
  routed_at   timestamptz,
  unique (source, source_id)
);
create index event_unrouted on event (shard, seq) where routed_at is null;
create index event_of_record on event (record_type, record_id, type, at);

-- Events that could not be read. They are kept for a person to look at.
create table event_refused (
  id         bigint generated always as identity primary key,
  enrollment uuid,
  raw        jsonb not null,
  reason     text not null,
  at         timestamptz not null default clock_timestamp()
);
create unique index event_refused_once on event_refused (enrollment, (raw->'number'));

-- An armed wait. `seen` is the snapshot at arming: an event that it does not show committed after it.
create table wait (
  enrollment  uuid not null references enrollment (id) on delete cascade,
  visit       integer not null,
  record_type text not null,
  record_id   text not null,
  types       text[] not null,
  any_of      jsonb not null,
  armed_at    timestamptz not null default clock_timestamp(),
  since       timestamptz not null,         -- the end of the previous visit: of a wait, when its event happened
  deadline    timestamptz,
  seen        pg_snapshot not null,
  primary key (enrollment, visit)
);
create index wait_of_record on wait (record_type, record_id);

-- A registered sleep: a delay, a deferral, or a hold. The edit of a flow finds its sleepers here and in `wait`.
create table sleep (
  enrollment uuid not null references enrollment (id) on delete cascade,
  visit      integer not null,
  why        text not null check (why in ('delay', 'deferred', 'held')),
  until      timestamptz,
  primary key (enrollment, visit)
);

create index sleep_held on sleep (enrollment) where why = 'held';

create table outbox (
  id         bigint generated always as identity primary key,
  enrollment uuid not null references enrollment (id) on delete cascade,
  kind       text not null check (kind in ('start', 'deliver', 'leave', 'resume', 'adopt')),
  body       jsonb not null default '{}',
  shard      smallint not null generated always as ((hashtext(enrollment::text) & 15)::smallint) stored,
  not_before timestamptz not null default clock_timestamp(),
  tries      integer not null default 0,
  sent_at    timestamptz,
  note       text not null default '',
  at         timestamptz not null default clock_timestamp()
);
create index outbox_unsent on outbox (shard, id) where sent_at is null;
create index outbox_due on outbox (shard, not_before) where sent_at is null;
create index outbox_to on outbox (enrollment);
create index outbox_sent on outbox (sent_at) where sent_at is not null;

create function notify_channel() returns trigger language plpgsql as $$
begin
  perform pg_notify('perdure', tg_table_name);
  return null;
end $$;
create trigger event_arrived after insert on event for each statement execute function notify_channel();
create trigger outbox_filled after insert on outbox for each statement execute function notify_channel();

-- An event counts for a wait if it came after the previous visit ended, or committed after the wait was armed; not if
-- its source says that it happened before; and not after the deadline.
create function counts(e event, w wait) returns boolean language sql stable as $$
  select e.type = any (w.types)
     and (e.at > w.since or not pg_visible_in_snapshot(e.xact, w.seen))
     and coalesce(e.occurred_at >= w.since, true)
     and coalesce(coalesce(e.occurred_at, e.at) <= w.deadline, true)
$$;
