-- 在线计费 Sessions of online charging (Nchf_ConvergedCharging, TS 32.291).

create table charging_session (
    subscriber_id bigint not null references subscriber,
    session_id text not null check (session_id ~ '^[0-9a-f]{32}$'),
    -- Of the request that began it: the same request sent again is the same session.
    request_digest bytea not null check (octet_length(request_digest) = 32),
    opened_at timestamptz not null,
    -- When it was last heard of: data that it reports next was used since.
    seen_at timestamptz not null,
    closed_at timestamptz check (closed_at >= opened_at),
    -- invocationSequenceNumber of the newest request, and its answer, given again when the request is sent again.
    sequence bigint not null check (sequence between 0 and 4294967295),
    answer jsonb not null,
    -- What it may use: [{"rating_group", "bytes", "granted_at", "ends_at"}], and when the last of it ends.
    quotas jsonb not null default '[]' check (jsonb_typeof(quotas) = 'array'),
    holds_until timestamptz,
    primary key (subscriber_id, session_id),
    constraint charging_session_opened_once unique (subscriber_id, request_digest),
    constraint charging_session_closed_holds_nothing check (closed_at is null or quotas = '[]'),
    constraint charging_session_holds_until check ((holds_until is null) = (quotas = '[]'))
) with (fillfactor = 60);
create index charging_session_open on charging_session (subscriber_id) where closed_at is null;
create index charging_session_closed on charging_session (closed_at) where closed_at is not null;
-- Sessions are no evidence: what they used is in usage_record. They are removed some days after their end.
grant select, insert, delete, update (seen_at, closed_at, sequence, answer, quotas, holds_until) on charging_session to mingbai_app;
