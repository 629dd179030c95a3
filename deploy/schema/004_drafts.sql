-- Drafts: flow files that are kept before they are complete. A draft is never walked; publishing the flow ends it.

create table flow_draft (
  key      text primary key,
  name     text not null default '',
  file     text not null,                   -- as its author named it, for messages
  source   text not null,                   -- the file's text: what was written, not what it compiles to
  missing  jsonb not null default '[]',     -- what it lacks, each with its place
  saved_at timestamptz not null default clock_timestamp()
);
