-- 网络渠道 Agents' online channels: who runs them, what they may sell, where and when, and every order that they asked for.
-- A channel never orders: it can only have us ask the subscriber, whose own yes stays needed.

insert into channel (channel_id, name_zh, name_en) values ('agent', '网络渠道', 'Agent''s channel');

-- Reference tables: small, the same on every node of a distributed engine. All that a channel is stands in its versions.
create sequence agent_channel_number;
grant usage on sequence agent_channel_number to mingbai_app;
create table agent_channel (
    agent_channel_id text primary key default 'QD' || lpad(nextval('agent_channel_number')::text, 6, '0')
        check (agent_channel_id ~ '^QD[0-9]{6}$'),
    registered_at timestamptz not null,
    -- When something of it changed last. Orders and whoever stops the channel lock this row, so that none slips through.
    changed_at timestamptz not null
);
grant select, insert, update (changed_at) on agent_channel to mingbai_app;

-- What is asked to hold of a channel. A row never changes: a correction is a new version.
create table agent_channel_version (
    agent_channel_id text not null references agent_channel,
    version integer not null check (version >= 1),
    name text not null check (char_length(name) between 1 and 40),
    -- 经营者: the company's name, and its 统一社会信用代码 (GB 32100-2015).
    operator_name text not null check (char_length(operator_name) between 1 and 80),
    credit_code text not null check (credit_code ~ '^[0-9A-HJ-NP-RTUWXY]{18}$'),
    -- For the desk alone.
    contact_name text not null check (char_length(contact_name) between 1 and 40),
    contact_phone text not null check (contact_phone ~ '^\+?[0-9-]{5,20}$'),
    -- Web addresses or names of shops on platforms, where the badge is shown.
    addresses text[] not null check (cardinality(addresses) between 1 and 10),
    regions text[] not null check (cardinality(regions) between 1 and 40),
    scheme_ids text[] not null check (cardinality(scheme_ids) between 1 and 100),
    -- Both days included, in Asia/Shanghai.
    valid_from date not null,
    valid_until date not null,
    submitted_by bigint not null references staff,
    submitted_at timestamptz not null,
    primary key (agent_channel_id, version),
    constraint agent_channel_version_days check (valid_until between valid_from and valid_from + 1100),
    -- What a decision and a scope must name.
    constraint agent_channel_version_author unique (agent_channel_id, version, submitted_by),
    constraint agent_channel_version_period unique (agent_channel_id, version, valid_from, valid_until)
);
grant select, insert on agent_channel_version to mingbai_app;

-- 审批 Somebody else lets a version hold, or says why not. Append-only.
create table agent_channel_decision (
    agent_channel_id text not null,
    version integer not null,
    submitted_by bigint not null,
    decided_by bigint not null references staff,
    decided_at timestamptz not null,
    approved boolean not null,
    reason text not null check (char_length(reason) <= 500),
    primary key (agent_channel_id, version),
    constraint agent_channel_decision_of foreign key (agent_channel_id, version, submitted_by)
        references agent_channel_version (agent_channel_id, version, submitted_by),
    constraint agent_channel_decided_by_another check (decided_by <> submitted_by),
    constraint agent_channel_refusal_says_why check (approved or reason <> ''),
    constraint agent_channel_decision_outcome unique (agent_channel_id, version, approved)
);
grant select, insert on agent_channel_decision to mingbai_app;

-- 授权范围 What a version that was approved lets the channel sell: one row a tariff and region (全国: everywhere), with its days,
-- so that what was allowed when an order came can always be shown. Append-only.
create table agent_channel_scope (
    agent_channel_id text not null,
    version integer not null,
    scheme_id text not null references tariff,
    region text not null check (region <> ''),
    valid_from date not null,
    valid_until date not null,
    approved boolean not null default true,
    primary key (agent_channel_id, version, scheme_id, region),
    constraint agent_channel_scope_days foreign key (agent_channel_id, version, valid_from, valid_until)
        references agent_channel_version (agent_channel_id, version, valid_from, valid_until),
    constraint agent_channel_scope_is_approved check (approved),
    constraint agent_channel_scope_approved foreign key (agent_channel_id, version, approved)
        references agent_channel_decision (agent_channel_id, version, approved),
    -- What a question and an order of the channel must name.
    constraint agent_channel_scope_key
        unique (agent_channel_id, version, scheme_id, region, valid_from, valid_until)
);
grant select, insert on agent_channel_scope to mingbai_app;

-- 暂停 终止 A version that was approved holds no more, from an instant on: one person is enough for that. It never holds again;
-- another version, approved by somebody else, may. Append-only.
create table agent_channel_stop (
    agent_channel_id text not null,
    version integer not null,
    approved boolean not null default true check (approved),
    stopped_at timestamptz not null,
    -- replaced: by the next version.
    why text not null check (why in ('suspended', 'ended', 'replaced')),
    reason text not null check (char_length(reason) <= 500),
    stopped_by bigint not null references staff,
    primary key (agent_channel_id, version),
    constraint agent_channel_stop_of_approved foreign key (agent_channel_id, version, approved)
        references agent_channel_decision (agent_channel_id, version, approved),
    constraint agent_channel_stop_says_why check (why = 'replaced' or reason <> '')
);
grant select, insert on agent_channel_stop to mingbai_app;

-- The secrets by which a channel signs its orders. A secret itself is not stored: it is made of its number and a key that is
-- not in the database. The newest counts, and the one before it for a day. Append-only.
create table agent_channel_secret (
    agent_channel_id text not null references agent_channel,
    number integer not null check (number >= 1),
    issued_by bigint not null references staff,
    issued_at timestamptz not null,
    primary key (agent_channel_id, number)
);
grant select, insert on agent_channel_secret to mingbai_app;

-- 举报 What somebody tells of a channel, genuine or not. Append-only.
create table agent_channel_report (
    report_id bigint generated always as identity primary key,
    -- The number or address that it is about, as typed.
    about text not null check (char_length(about) between 1 and 200),
    -- Where the number is one of ours.
    agent_channel_id text references agent_channel,
    what text not null check (char_length(what) between 1 and 1000),
    -- How to reach whoever tells it, if they want to be.
    contact text not null check (char_length(contact) <= 60),
    reported_at timestamptz not null
);
create index agent_channel_report_channel on agent_channel_report (agent_channel_id);
grant select, insert on agent_channel_report to mingbai_app;

-- What came of it. Append-only.
create table agent_channel_report_answer (
    report_id bigint primary key references agent_channel_report,
    answered_by bigint not null references staff,
    answered_at timestamptz not null,
    note text not null check (char_length(note) between 1 and 500)
);
grant select, insert on agent_channel_report_answer to mingbai_app;
