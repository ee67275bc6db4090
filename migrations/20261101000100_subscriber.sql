-- Subscribers and how they prove who they are.
-- Every subscriber table carries subscriber_id in its primary key, unique keys and foreign keys, so that a
-- distributed engine can keep all rows of one subscriber together.

-- The directory from number to subscriber: a reference table, because a number is looked up before its owner is known.
create table msisdn (
    msisdn text primary key check (msisdn ~ '^1[3-9][0-9]{9}$'),
    subscriber_id bigint generated always as identity,
    unique (subscriber_id, msisdn)
);
grant select, insert on msisdn to mingbai_app;

-- 用户
create table subscriber (
    subscriber_id bigint primary key,
    msisdn text not null,
    name text not null,
    -- Where the number belongs (归属地): some tariffs are sold in some regions only.
    region text not null,
    language text not null default 'zh-CN' check (language in ('zh-CN', 'en')),
    created_at timestamptz not null,
    foreign key (subscriber_id, msisdn) references msisdn (subscriber_id, msisdn)
);
grant select, insert, update (name, language) on subscriber to mingbai_app;

-- 服务密码, as an argon2id PHC string.
create table credential (
    subscriber_id bigint primary key references subscriber,
    service_password text not null check (service_password like '$argon2id$%'),
    changed_at timestamptz not null
);
grant select, insert, update on credential to mingbai_app;

-- Codes sent by SMS: for one purpose, five minutes, once, five tries.
create table one_time_code (
    subscriber_id bigint not null references subscriber,
    code_id bigint generated always as identity,
    purpose text not null check (purpose in ('sign_in', 'consent')),
    -- The consent request that the code answers; NULL for a sign-in.
    request_id bigint,
    code_hash bytea not null check (octet_length(code_hash) = 32),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    tries integer not null default 0 check (tries between 0 and 5),
    used_at timestamptz,
    primary key (subscriber_id, code_id),
    constraint one_time_code_five_minutes check (expires_at = created_at + interval '5 minutes'),
    constraint one_time_code_bound check ((purpose = 'consent') = (request_id is not null)),
    constraint one_time_code_used_in_time check (used_at is null or used_at <= expires_at)
);
grant select, insert, delete, update (tries, used_at) on one_time_code to mingbai_app;

-- Attempts counted by what they are limited by (a number, an address), in fixed windows.
create table attempt (
    bucket text not null,
    window_start timestamptz not null,
    count integer not null check (count > 0),
    primary key (bucket, window_start)
);
grant select, insert, update, delete on attempt to mingbai_app;

-- Browser sessions.
create table session (
    session_id text primary key,
    -- Whose it is once signed in, so that all sessions of one subscriber can be ended at once.
    subscriber_id bigint references subscriber,
    data jsonb not null,
    expires_at timestamptz not null
);
create index session_expiry on session (expires_at);
grant select, insert, update, delete on session to mingbai_app;

-- 工作人员 People of the operator.
create table staff (
    staff_id bigint generated always as identity primary key,
    login text not null unique check (login ~ '^[a-z][a-z0-9._-]{2,40}$'),
    name text not null,
    password text not null check (password like '$argon2id$%'),
    role text not null
        check (role in ('tariff_manager', 'tariff_approver', 'agent', 'agent_lead', 'auditor', 'administrator')),
    active boolean not null default true,
    created_at timestamptz not null
);
grant select, insert, update (name, password, role, active) on staff to mingbai_app;

-- Who did what, with the state before and after. Append-only: the server's role cannot change or delete a row.
create table audit_trail (
    entry_id bigint generated always as identity primary key,
    at timestamptz not null,
    -- NULL: the system itself or a command of the operator's engineer.
    staff_id bigint references staff,
    action text not null,
    subject text not null,
    before jsonb,
    after jsonb
);
grant select, insert on audit_trail to mingbai_app;
