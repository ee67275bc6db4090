-- 宣传内容 What a channel may say of what it sells: texts that somebody else approved, served with their digest, so that an
-- altered copy shows. Append-only.
create table agent_content (
    agent_channel_id text not null references agent_channel,
    number integer not null check (number >= 1),
    title text not null check (char_length(title) between 1 and 60),
    body text not null check (char_length(body) between 1 and 2000),
    -- SHA-256 of the body in UTF-8, as it is served.
    digest bytea not null,
    submitted_by bigint not null references staff,
    submitted_at timestamptz not null,
    primary key (agent_channel_id, number),
    constraint agent_content_digest check (digest = sha256(convert_to(body, 'UTF8'))),
    constraint agent_content_author unique (agent_channel_id, number, submitted_by)
);
grant select, insert on agent_content to mingbai_app;

create table agent_content_decision (
    agent_channel_id text not null,
    number integer not null,
    submitted_by bigint not null,
    decided_by bigint not null references staff,
    decided_at timestamptz not null,
    approved boolean not null,
    reason text not null check (char_length(reason) <= 500),
    primary key (agent_channel_id, number),
    constraint agent_content_decision_of foreign key (agent_channel_id, number, submitted_by)
        references agent_content (agent_channel_id, number, submitted_by),
    constraint agent_content_decided_by_another check (decided_by <> submitted_by),
    constraint agent_content_refusal_says_why check (approved or reason <> ''),
    constraint agent_content_decision_outcome unique (agent_channel_id, number, approved)
);
grant select, insert on agent_content_decision to mingbai_app;

-- 撤回 From an instant on it may not be shown any more.
create table agent_content_withdrawal (
    agent_channel_id text not null,
    number integer not null,
    approved boolean not null default true check (approved),
    withdrawn_by bigint not null references staff,
    withdrawn_at timestamptz not null,
    reason text not null check (char_length(reason) between 1 and 500),
    primary key (agent_channel_id, number),
    constraint agent_content_withdrawal_of_approved foreign key (agent_channel_id, number, approved)
        references agent_content_decision (agent_channel_id, number, approved)
);
grant select, insert on agent_content_withdrawal to mingbai_app;
