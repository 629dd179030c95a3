-- The notification centre, and the devices that notifications are pushed to.

create table notification (
  id          bigint generated always as identity primary key,
  member      text not null references crm_user (id) on delete cascade,
  title       text not null,
  body        text not null default '',
  record_type text not null,                   -- whom it is about
  record_id   text not null,
  source      jsonb not null default '{}',     -- the flow, revision, node and enrollment
  effect      text not null,                   -- the key of the effect that put it there
  created_at  timestamptz not null default clock_timestamp(),
  read_at     timestamptz,
  unique (effect, member)
);
create index notification_to on notification (member, id desc);
create index notification_unread on notification (member, id desc) where read_at is null;
create index notification_about on notification (record_type, record_id);

-- Browsers and telephones, each as its subscription to Web Push: whoever knows one can push to it.
create table device (
  id         bigint generated always as identity primary key,
  member     text not null references crm_user (id) on delete cascade,
  endpoint   text not null unique,             -- where the push service takes what is for it
  p256dh     text not null,                    -- its public key
  auth       text not null,                    -- its secret
  created_at timestamptz not null default clock_timestamp(),
  pushed_at  timestamptz,                      -- when a push service last took something for it
  failures   integer not null default 0,       -- in a row
  failure    text not null default '',         -- the code of the last one
  gone_at    timestamptz                       -- the push service knows it no more; it may be registered again
);
create index device_of on device (member, id) where gone_at is null;
