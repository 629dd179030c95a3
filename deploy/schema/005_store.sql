-- The store: object types, teams, tasks, notes, e-mail contents, and the parts of an effect that has several recipients.

create table object_type (
  key           text primary key,
  name          text not null,
  own_read_only boolean not null default false, -- flows edit only what is associated with such a record
  built_in      boolean not null default false
);
insert into object_type (key, name, own_read_only, built_in) values
  ('contact', 'Contact', false, true), ('company', 'Company', false, true), ('deal', 'Deal', false, true),
  ('ticket', 'Ticket', false, true), ('quote', 'Quote', false, true), ('conversation', 'Conversation', true, true);

alter table property
  add column label     text not null default '',
  add column is_unique boolean not null default false; -- a record may be found by it, as a contact by its e-mail

create table team (
  id   text primary key,
  name text not null
);

create table team_member (
  team       text not null references team (id) on delete cascade,
  member     text not null references crm_user (id) on delete cascade,
  is_primary boolean not null default true,
  primary key (team, member)
);

create table task (
  id           uuid primary key default gen_random_uuid(),
  kind         text not null default 'todo' check (kind in ('todo', 'call', 'email')),
  subject      text not null,
  body         text not null default '',      -- HTML
  priority     text not null default 'none' check (priority in ('none', 'low', 'medium', 'high')),
  assignee     text references crm_user (id),
  queue        text not null default '',
  due_at       timestamptz,
  remind_at    timestamptz,
  completed_at timestamptz,
  source       jsonb not null default '{}',   -- the flow, revision, node and enrollment, or who
  effect       text unique,                   -- the key of the effect that made it
  created_at   timestamptz not null default clock_timestamp()
);
create index task_of on task (assignee, due_at) where completed_at is null;

create table task_record (
  task uuid not null references task (id) on delete cascade,
  type text not null,
  id   text not null,
  primary key (task, type, id)
);
create index task_of_record on task_record (type, id);

create table note (
  id         uuid primary key default gen_random_uuid(),
  body       text not null,                   -- HTML
  source     jsonb not null default '{}',
  effect     text unique,
  created_at timestamptz not null default clock_timestamp()
);

create table note_record (
  note uuid not null references note (id) on delete cascade,
  type text not null,
  id   text not null,
  primary key (note, type, id)
);
create index note_of_record on note_record (type, id);

-- How many flows in a row, each soon after it was entered, have sent the record on to this enrollment.
alter table enrollment add column sent_on smallint not null default 0;

-- What an e-mail says. Only one that is saved for automation may be sent by a flow.
create table email_content (
  key            text primary key,
  name           text not null,
  kind           text not null default 'automated' check (kind in ('automated', 'regular', 'membership')),
  for_automation boolean not null default true,
  subject        text not null,
  text           text not null default '',
  html           text,
  sender         text,                        -- "Name <address>"; none means the worker's own
  published_at   timestamptz not null default clock_timestamp()
);

-- One effect of several: an e-mail to each of a deal's contacts is sent once, wherever the others stand.
create table visit_part (
  enrollment uuid not null,
  visit      integer not null,
  part       text not null,
  state      text not null check (state in ('intent', 'retrying', 'unknown', 'done', 'failed', 'skipped')),
  attempt    text not null,                 -- whose intent this is
  repeated   boolean not null default false, -- it may have been done twice
  note       text not null default '',      -- for people: may quote a provider
  at         timestamptz not null default clock_timestamp(),
  primary key (enrollment, visit, part),
  foreign key (enrollment, visit) references visit (enrollment, visit) on delete cascade
);
