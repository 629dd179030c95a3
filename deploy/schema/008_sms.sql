-- Text messages: what was sent and delivered, who wants none, and the quotas that sending keeps to.

-- A row for each use of a quota; those of a month ago are deleted by the next use.
create table quota_use (
  key text not null,
  at  timestamptz not null
);
create index quota_use_of on quota_use (key, at);

-- A row for each text, written before the provider is asked. What it says stands in the visit alone.
create table text_message (
  effect     text primary key,             -- the key of the effect
  phone      text not null,                -- whom it goes to, in E.164
  type       text,                         -- the contact whose number it is; none for a colleague's
  id         text,
  sid        text unique,                  -- the provider's id, once we know it
  state      text not null default 'intent' check (state in ('intent', 'initiated', 'sent', 'delivered', 'failed')),
  segments   integer not null default 0,
  error      text not null default '',     -- the provider's code
  began_at   timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp()
);
create index text_message_to on text_message (phone, began_at);
create index text_message_of on text_message (type, id) where type is not null;

-- States as they follow each other: news that come late change nothing.
create function is_news(was text, now_ text) returns boolean language sql immutable as $$
  select array_position('{intent,initiated,sent,delivered,failed}'::text[], was)
       < array_position('{intent,initiated,sent,delivered,failed}'::text[], now_)
$$;

-- Write down how far a text came, with the event of its contact where it is the last that is to be known of it. Give the
-- row, or none where that was known before, or the id is another text's.
create function text_came_to(effect_ text, sid_ text, state_ text, segments_ integer, error_ text)
returns setof text_message language sql as $$
  with news as (
    update text_message set sid = sid_, state = state_, segments = greatest(segments, segments_), error = error_,
           changed_at = clock_timestamp()
     where effect = effect_ and (sid is null or sid = sid_) and is_news(state, state_) returning *),
  told as (
    insert into event (source, source_id, type, record_type, record_id, properties)
    select 'twilio', sid || ' ' || state, 'sms_' || state, type, id,
           jsonb_strip_nulls(jsonb_build_object('sid', sid, 'error', nullif(error, '')))
      from news where state in ('delivered', 'failed') and type is not null
    on conflict do nothing)
  select * from news
$$;

-- Numbers that want no more texts, whoever they belong to.
create table text_opt_out (
  phone text primary key,                  -- in E.164
  why   text not null,                     -- the word that was texted, or the provider's code
  at    timestamptz not null default clock_timestamp()
);

-- What was texted to us, once by the provider's id.
create table text_received (
  sid   text primary key,
  phone text not null,                     -- who texted, in E.164
  text  text not null,
  at    timestamptz not null default clock_timestamp()
);
create index text_received_of on text_received (phone, at);
