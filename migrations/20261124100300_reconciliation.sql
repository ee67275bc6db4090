-- 对账 The gateway's statement of a day, held against our payments and refunds; what does not match is shown until somebody has
-- looked. The statement is the gateway's: its lines name whom they like, so nothing here refers to a subscriber by key.

create table gateway_statement (
    gateway text not null check (gateway ~ '^[a-z][a-z0-9_]{1,30}$'),
    -- The day in Asia/Shanghai.
    day date not null,
    kind text not null check (kind in ('payment', 'refund')),
    -- SHA-256 of the file as the gateway gave it.
    digest bytea not null check (octet_length(digest) = 32),
    fetched_at timestamptz not null,
    lines integer not null check (lines >= 0),
    -- Yuan, as the lines sum up.
    total numeric(20, 2) not null,
    -- When it was last held against our books; NULL: not yet.
    matched_at timestamptz,
    primary key (gateway, day, kind)
);
grant select, insert, update (matched_at) on gateway_statement to mingbai_app;

-- Append-only.
create table statement_line (
    gateway text not null,
    day date not null,
    kind text not null,
    line_no integer not null check (line_no >= 1),
    -- Our number as the gateway repeats it, and its own.
    number text not null check (char_length(number) between 1 and 64),
    gateway_id text not null check (char_length(gateway_id) between 1 and 64),
    -- Yuan.
    amount numeric(12, 2) not null check (amount >= 0),
    -- Whether the money moved; a refund that was refused is on the statement, too.
    succeeded boolean not null,
    primary key (gateway, day, kind, line_no),
    foreign key (gateway, day, kind) references gateway_statement
);
create index statement_line_number on statement_line (number);
grant select, insert on statement_line to mingbai_app;

-- 差异 What does not match. It is gone when a later look finds that it does (resolved by the system), or somebody says why.
create table reconciliation_difference (
    difference_id bigint generated always as identity primary key,
    gateway text not null,
    day date not null,
    kind text not null,
    -- missing_here: the gateway moved money that we know nothing of. missing_there: we say it moved, the statement does not.
    -- unreadable: a line that says what nobody here understands; its number is its place in the file.
    what text not null check (what in ('missing_here', 'missing_there', 'amount_differs', 'state_differs', 'unreadable')),
    number text not null,
    -- Yuan on either side; NULL: nothing there.
    amount_here numeric(12, 2),
    amount_there numeric(12, 2),
    found_at timestamptz not null,
    -- NULL: open.
    resolved_at timestamptz,
    resolved_by text check (resolved_by = 'system' or resolved_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    -- Why it is all right, in words. unreadable: what is the matter with it, until then.
    note text not null default '' check (char_length(note) <= 500),
    foreign key (gateway, day, kind) references gateway_statement,
    constraint reconciliation_difference_once unique (gateway, day, kind, number, what),
    -- Somebody who says that it is all right says why.
    constraint reconciliation_difference_resolved check (
        num_nonnulls(resolved_at, resolved_by) in (0, 2) and resolved_at >= found_at
        and (resolved_by = 'system' or resolved_by is null or note <> '')),
    -- A line that was not understood does not become clear by itself.
    constraint reconciliation_difference_unreadable check (what <> 'unreadable' or resolved_by <> 'system')
);
create index reconciliation_difference_open on reconciliation_difference (day, difference_id) where resolved_at is null;
grant select, insert, update (resolved_at, resolved_by, note) on reconciliation_difference to mingbai_app;
