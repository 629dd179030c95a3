-- What conditions ask of a record beside its properties: what they have been, and the lists it is on.

create table property_history (
  type   text not null,
  id     text not null,
  name   text not null,
  value  jsonb,                               -- null: cleared
  at     timestamptz not null default clock_timestamp(),
  seq    bigint generated always as identity, -- order within one moment
  source jsonb not null default '{}'          -- the flow, revision, node and enrollment, or who
);
create index property_history_of on property_history (type, id, name, at);

create table list (
  key       text primary key,
  object    text not null,
  name      text not null,
  kind      text not null default 'static' check (kind in ('static', 'active')),
  condition jsonb                             -- of an active list
);

create table list_member (
  list text not null references list (key) on delete cascade,
  id   text not null,
  at   timestamptz not null default clock_timestamp(),
  primary key (list, id)
);
create index list_member_of on list_member (id);

-- From here on: what the operators of conditions mean on a value, as `workflows/model/operators.py` and `moments.py` say.

-- A text as it is compared. The letters are those of CASES: first and last, step, and how far away the small one is.
do $$
declare
  capitals text;
  smalls   text;
begin
  select string_agg(chr(letter), '' order by letter), string_agg(chr(letter + away), '' order by letter)
    into capitals, smalls
    from (values
           (65,90,1,32), (192,214,1,32), (216,222,1,32), (256,302,2,1), (306,310,2,1), (313,327,2,1),
           (330,374,2,1), (376,376,1,-121), (377,381,2,1), (399,399,1,202), (416,416,1,1), (431,431,1,1),
           (536,538,2,1), (7680,7828,2,1), (7838,7838,1,-7615), (7840,7934,2,1), (902,902,1,38),
           (904,906,1,37), (908,908,1,64), (910,911,1,63), (913,929,1,32), (931,939,1,32), (962,962,1,1),
           (1024,1039,1,80), (1040,1071,1,32), (1162,1214,2,1), (1217,1229,2,1), (1232,1326,2,1),
           (1329,1366,1,48)
         ) as run (first, last, step, away)
   cross join generate_series(first, last, step) as letter;
  execute format($create$
    create function folded(value text) returns text language sql immutable strict parallel safe as $body$
      select case when octet_length(value) = length(value) then lower(value collate "C")
                  else translate(normalize(value, NFC), %L, %L) end
    $body$ $create$, capitals, smalls);
end $$;

-- The number that a value is, or that a text shows in plain digits.
create function as_number(value jsonb) returns numeric language sql immutable strict parallel safe as $$
  select case jsonb_typeof(value)
         when 'number' then value::numeric
         when 'string' then
           case when value #>> '{}' ~ '^[+-]?[0-9]+(\.[0-9]+)?$' and length(value #>> '{}') <= 400
                then (value #>> '{}')::numeric end
         end
$$;

-- What is looked through: the texts, numbers and booleans of a list, or the one that a value is. (In PL/pgSQL, as what
-- follows: a function in SQL that is not inlined costs ten times as much.)
create function texts(value jsonb) returns text[] language plpgsql immutable strict parallel safe as $$
declare
  found text[] := '{}';
begin
  case jsonb_typeof(value)
  when 'string', 'boolean' then
    return array[folded(value #>> '{}')];
  when 'number' then
    return array[trim_scale(value::numeric)::text];
  when 'array' then
    for place in 0 .. jsonb_array_length(value) - 1 loop
      if jsonb_typeof(value -> place) <> 'array' then
        found := found || texts(value -> place);
      end if;
    end loop;
    return found;
  else
    return found;
  end case;
end $$;

-- The keys of a value: it is the same as another if they have one in common. What is wanted is the `other` side.
create function value_keys(value jsonb, other boolean default false) returns text[]
language plpgsql immutable strict parallel safe as $$
declare
  found  text[] := '{}';
  said   text;
  amount numeric;
begin
  case jsonb_typeof(value)
  when 'string', 'boolean' then
    found := array['t:' || folded(value #>> '{}')];
    amount := as_number(value);
    return case when amount is null then found
                else found || (case when other then 'n:' else 'd:' end || trim_scale(amount)::text) end;
  when 'number' then
    said := trim_scale(value::numeric)::text;
    return case when other then array['n:' || said, 'd:' || said] else array['n:' || said] end;
  when 'array' then
    for place in 0 .. jsonb_array_length(value) - 1 loop
      if jsonb_typeof(value -> place) <> 'array' then
        found := found || value_keys(value -> place, other);
      end if;
    end loop;
    return found;
  else
    return found;
  end case;
end $$;

-- Whether all that a value holds is among what is wanted.
create function holds_only(value jsonb, wanted text[]) returns boolean
language plpgsql immutable strict parallel safe as $$
begin
  if jsonb_typeof(value) <> 'array' then
    return value_keys(value) && wanted;
  end if;
  for place in 0 .. jsonb_array_length(value) - 1 loop
    if not value_keys(value -> place) && wanted then
      return false;
    end if;
  end loop;
  return true;
end $$;

-- The instant of a wall clock: one that is skipped moves forward, of one that comes twice it is the first.
create function local_instant(wall timestamp, zone text) returns timestamptz
language sql stable strict parallel safe as $$
  select case when early at time zone zone = wall then least(early, late) else late end
    from (select (wall - interval '1 day') at time zone zone + interval '24 hours' as early,
                 wall at time zone zone as late) as twice
$$;

-- A date or datetime as a property holds it: its instant, what the clocks of the zone then show, and if it is a date.
create function moment_of(value jsonb, zone text, out at timestamptz, out wall timestamp, out is_day boolean)
language plpgsql stable strict parallel safe as $$
declare
  said text := value #>> '{}';
begin
  if jsonb_typeof(value) <> 'string' or said !~ '^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?)?$'
     or substr(said, 9, 2)::int > extract(day from (left(said, 7) || '-01')::date + interval '1 month - 1 day') then
    return;
  end if;
  said := regexp_replace(said, '(\.[0-9]{6})[0-9]+', '\1');
  is_day := length(said) = 10;
  if said ~ '(Z|[+-]..:..)$' and not is_day then
    at := said;
    wall := at at time zone zone;
  else
    wall := said;
    at := local_instant(wall, zone);
  end if;
end $$;

-- A point of time that a property names: its beginning and its end, which is not of it; null where it names none.
create function time_point(value jsonb, reading text, months int, days int, seconds int, now timestamptz, zone text)
returns timestamptz[] language plpgsql stable strict parallel safe as $$
declare
  at     timestamptz;
  wall   timestamp;
  is_day boolean;
begin
  select * into at, wall, is_day from moment_of(value, zone);
  if at is null then
    return null;
  end if;
  if reading = 'date' then
    select * into at, wall, is_day from moment_of(to_jsonb(left(value #>> '{}', 10)), zone);
  elsif reading = 'anniversary' then
    wall := wall + make_interval(years => (extract(year from now at time zone zone) - extract(year from wall))::int);
    at := local_instant(wall, zone);
  end if;
  if months <> 0 or days <> 0 then
    wall := wall + make_interval(months => months) + make_interval(days => days);
    at := local_instant(wall, zone);
  end if;
  if seconds <> 0 then
    return array[at + make_interval(secs => seconds), at + make_interval(secs => seconds) + interval '1 microsecond'];
  end if;
  return array[at, case when is_day then local_instant(wall + interval '1 day', zone)
                        else at + interval '1 microsecond' end];
end $$;
