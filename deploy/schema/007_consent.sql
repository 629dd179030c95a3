-- Consent: subscription types, who opted in and out and why, marketing status, bounces, and what was sent.

alter table crm_user add column phone text not null default ''; -- in E.164, where text messages reach the user

create table subscription (
  key         text primary key,
  name        text not null,
  channel     text not null default 'email' check (channel in ('email', 'sms')),
  description text not null default '',
  created_at  timestamptz not null default clock_timestamp()
);

alter table email_content
  add column subscription text,                   -- the type that it is of
  add column marketing    boolean not null default false;

-- What a contact has agreed to and turned down. Lines are only ever added, for they are the proof; the newest holds,
-- of a subscription and of all: who ends all e-mail, and signs up for one thing later, gets that one thing.
create table consent (
  seq          bigint generated always as identity primary key,
  contact      text not null,
  channel      text not null default 'email' check (channel in ('email', 'sms')),
  subscription text references subscription (key), -- null: all of the channel
  state        text not null check (state in ('opted_in', 'opted_out')),
  basis        text not null default '',           -- the legal one
  explanation  text not null default '',
  by_whom      text not null check (by_whom in ('contact', 'flow', 'hand')),
  source       jsonb not null default '{}',        -- the flow, revision, node and enrollment, or who, or the event
  at           timestamptz not null default clock_timestamp()
);
create index consent_of on consent (contact, channel, seq desc);

-- One row a contact, locked by whatever sends to it or changes what it agreed to: no send commits after an opt-out.
create table contact_standing (
  contact         text primary key,
  marketing       boolean,                         -- null: nobody has said
  marketing_until timestamptz,                     -- from then on it is no marketing contact
  bounced_address text,                            -- for good; another address of the contact may be written to
  bounced_at      timestamptz,
  held_at         timestamptz not null default clock_timestamp() -- touched by whoever locks it
);

create function is_marketing(standing contact_standing, by_default boolean) returns boolean
language sql stable as $$
  select coalesce(standing.marketing, by_default) and coalesce(standing.marketing_until > clock_timestamp(), true)
$$;

-- E-mails of flows to contacts, written down before each is sent; `email_out` leaves out what surely went to nobody.
create table email_sent (
  enrollment   uuid not null,
  visit        integer not null,
  contact      text not null,
  flow         text not null,
  node         text not null,
  email        text not null,                      -- the key of the published one, or flow/node
  subscription text,
  marketing    boolean not null,
  at           timestamptz not null default clock_timestamp(),
  primary key (enrollment, visit, contact)
);
create index email_sent_to on email_sent (contact, at);

create view email_out as
  select s.* from email_sent s
    left join visit v on v.enrollment = s.enrollment and v.visit = s.visit
    left join visit_part p on p.enrollment = s.enrollment and p.visit = s.visit and p.part = 'contact:' || s.contact
   where coalesce(p.state, case when v.state = 'done' then v.answer->>'outcome' end, 'done') not in ('failed', 'skipped');

-- Holds the contacts that an e-mail is to go to, tells where each stands, and writes down that it goes to them, all in one
-- exchange. Whoever is turned down is taken out again, if it is `written` by this very attempt. Nothing comes where there
-- is no such subscription. The statements are two, so that the second sees what was there once the rows were held; all that
-- locks many contacts locks them in the one order.
create function stand_for_email(
  asked text[], of_type text, of_enrollment uuid, of_visit integer, of_flow text, of_node text, of_email text,
  for_marketing boolean, once boolean, by_default boolean, goes boolean)
returns table (id text, marketing boolean, bounced_address text, said text, basis text, sent_today bigint, had_it boolean,
               written boolean)
language plpgsql as $$
begin
  if of_type is not null and not exists (select from subscription t where t.key = of_type and t.channel = 'email') then
    return;
  end if;
  insert into contact_standing (contact) select c.one from unnest(asked) as c (one) order by c.one collate "C"
    on conflict (contact) do update set held_at = clock_timestamp();
  return query
    with kept as (
      insert into email_sent (enrollment, visit, contact, flow, node, email, subscription, marketing)
      select of_enrollment, of_visit, c.one, of_flow, of_node, of_email, of_type, for_marketing
        from unnest(asked) as c (one) where goes
      on conflict do nothing returning contact)
    select s.contact, is_marketing(s, by_default), s.bounced_address, newest.state, coalesce(newest.basis, ''),
           (select count(*) from email_out o
             where o.contact = s.contact and o.at > clock_timestamp() - interval '24 hours'
               and (o.enrollment, o.visit) <> (of_enrollment, of_visit)),
           exists (select from email_out o where once and o.contact = s.contact and o.email = of_email
                      and (o.enrollment, o.visit) <> (of_enrollment, of_visit)),
           exists (select from kept k where k.contact = s.contact)
      from contact_standing s
      left join lateral (
        select w.state, w.basis from consent w
         where w.contact = s.contact and w.channel = 'email' and (w.subscription is null or w.subscription = of_type)
         order by w.seq desc limit 1) as newest on true
     where s.contact = any (asked);
end $$;

-- What contacts and mailboxes tell us, whoever wrote the event: it holds from the moment that the event is there.
create function heed_contact() returns trigger language plpgsql as $$
declare
  type_named text := new.properties->>'subscription';
  type_found text := (select key from subscription where key = type_named and channel = 'email');
begin
  if new.type = 'email_bounced' and new.properties->>'kind' is distinct from 'hard'
     or new.type = 'subscribed' and type_named is distinct from type_found then
    return null;
  end if;
  insert into contact_standing (contact) values (new.record_id)
    on conflict (contact) do update set held_at = clock_timestamp();
  if new.type = 'email_bounced' then
    update contact_standing
       set bounced_at = clock_timestamp(),
           bounced_address = coalesce(new.properties->>'address', (
             select btrim(properties->>'email') from record where type = 'contact' and id = new.record_id))
     where contact = new.record_id;
  else -- of a subscription that nobody knows any more, rather all is ended
    insert into consent (contact, subscription, state, basis, explanation, by_whom, source)
    values (new.record_id, type_found, case new.type when 'subscribed' then 'opted_in' else 'opted_out' end,
            coalesce(new.properties->>'legal_basis', ''), coalesce(new.properties->>'explanation', ''), 'contact',
            jsonb_build_object('event', new.id, 'source', new.source));
  end if;
  return null;
end $$;
create trigger contact_heeded after insert on event for each row
  when (new.record_type = 'contact' and new.source <> 'perdure'
        and new.type in ('unsubscribed', 'subscribed', 'marked_as_spam', 'email_bounced'))
  execute function heed_contact();
