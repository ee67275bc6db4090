-- 停止源头 What stops the source of an incident besides sales of its tariffs: accounts, channels, and orders that were placed.

-- 封停账号 An account that was blocked out of an incident. Somebody else unblocks it; no name: the operator's engineer did.
create table incident_block (
    incident_id bigint not null references incident,
    staff_id bigint not null references staff,
    blocked_by bigint not null references staff,
    blocked_at timestamptz not null,
    lifted_by bigint references staff,
    lifted_at timestamptz,
    primary key (incident_id, staff_id, blocked_at),
    constraint incident_block_of_another check (blocked_by <> staff_id),
    constraint incident_block_lifted check (
        (lifted_by is null or lifted_at is not null) and (lifted_at is null or lifted_at >= blocked_at)),
    constraint incident_block_lifted_by_another check (lifted_by not in (blocked_by, staff_id))
);
-- An account is blocked once at a time, by whichever incident.
create unique index incident_block_once on incident_block (staff_id) where lifted_at is null;
grant select, insert, update (lifted_by, lifted_at) on incident_block to mingbai_app;

-- 停用渠道 An agent's channel that was stopped out of an incident: its version, and by whom (agent_channel_stop). It goes on with
-- another version, which somebody else approves. Append-only.
alter table agent_channel_stop
    add constraint agent_channel_stop_by unique (agent_channel_id, version, stopped_by);
create table incident_channel (
    incident_id bigint not null references incident,
    agent_channel_id text not null,
    version integer not null,
    stopped_by bigint not null,
    primary key (agent_channel_id, version),
    constraint incident_channel_by unique (agent_channel_id, version, stopped_by),
    constraint incident_channel_stop foreign key (agent_channel_id, version, stopped_by)
        references agent_channel_stop (agent_channel_id, version, stopped_by)
);
create index incident_channel_of on incident_channel (incident_id);
grant select, insert on incident_channel to mingbai_app;

-- The version of a channel that is approved after an incident stopped the one before: by somebody else than who stopped it.
alter table agent_channel_decision
    add column after_version integer,
    add column after_stopped_by bigint,
    add constraint agent_channel_decision_after foreign key (agent_channel_id, after_version, after_stopped_by)
        references incident_channel (agent_channel_id, version, stopped_by),
    add constraint agent_channel_decision_after_whole check (num_nonnulls(after_version, after_stopped_by) in (0, 2)),
    add constraint agent_channel_decision_after_another check (decided_by <> after_stopped_by);

-- 冻结订购 What was ordered in an incident's batch is charged nothing while it is frozen. Somebody else lifts it.
create table incident_freeze (
    freeze_id bigint generated always as identity primary key,
    incident_id bigint not null references incident,
    -- How many.
    subscriptions bigint not null check (subscriptions > 0),
    frozen_by bigint not null references staff,
    frozen_at timestamptz not null,
    lifted_by bigint references staff,
    lifted_at timestamptz,
    constraint incident_freeze_lifted check (
        (lifted_by is null) = (lifted_at is null) and (lifted_at is null or lifted_at >= frozen_at)),
    constraint incident_freeze_lifted_by_another check (lifted_by <> frozen_by)
);
create unique index incident_freeze_once on incident_freeze (incident_id) where lifted_at is null;
grant select, insert, update (lifted_by, lifted_at) on incident_freeze to mingbai_app;

-- What was frozen with it. Append-only.
create table incident_frozen (
    subscriber_id bigint not null,
    subscription_id bigint not null,
    freeze_id bigint not null references incident_freeze,
    primary key (subscriber_id, subscription_id, freeze_id),
    constraint incident_frozen_subscription foreign key (subscriber_id, subscription_id) references subscription
);
create index incident_frozen_of on incident_frozen (freeze_id);
grant select, insert on incident_frozen to mingbai_app;

-- Subscriptions that are charged nothing now; one that two incidents froze is there twice.
create view frozen_subscription as
select z.subscriber_id, z.subscription_id
from incident_frozen z join incident_freeze f on f.freeze_id = z.freeze_id
where f.lifted_at is null;
grant select on frozen_subscription to mingbai_app;
