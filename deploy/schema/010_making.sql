-- Making records, and giving them to owners in turn.

alter table record
  add column source jsonb not null default '{}', -- of one that a flow made: the flow, revision, node and enrollment
  add column effect text;                        -- the key of the effect that made it
create unique index record_of_effect on record (effect) where effect is not null;

alter table note add column pinned boolean not null default false;

-- How far the people have come who take turns in a step. Another list of the same step has a row of its own.
create table rotation (
  flow  text not null,
  step  text not null,
  list  text not null,
  turns jsonb not null default '{}',
  at    timestamptz not null default clock_timestamp(),
  primary key (flow, step, list)
);

-- Whole days on which a user is given nothing in turn; both ends count.
create table user_absence (
  member     text not null references crm_user (id) on delete cascade,
  first_day  date not null,
  last_day   date not null check (last_day >= first_day),
  primary key (member, first_day)
);
