-- The CRM: records in JSONB, their property definitions, associations and users.

create table crm_user (
  id     text primary key,
  email  text not null unique,
  name   text not null default '',
  active boolean not null default true,
  seat   boolean not null default true
);

create table property (
  object    text not null,
  name      text not null,
  type      text not null check (type in ('text', 'number', 'boolean', 'date', 'datetime', 'option', 'options', 'user')),
  options   jsonb,
  read_only boolean not null default false,
  primary key (object, name)
);

create table record (
  type        text not null,
  id          text not null,
  properties  jsonb not null default '{}',
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  archived_at timestamptz,
  primary key (type, id)
);

create table association (
  from_type  text not null,
  from_id    text not null,
  to_type    text not null,
  to_id      text not null,
  label      text not null default '',
  is_primary boolean not null default false,
  primary key (from_type, from_id, to_type, to_id, label),
  foreign key (from_type, from_id) references record (type, id) on delete cascade,
  foreign key (to_type, to_id) references record (type, id) on delete cascade
);
create index association_back on association (to_type, to_id);
