-- A usage record carries its own uniqueness. Partitions by month could not hold an id once whatever month it claims, so a
-- second table did, which made more than half of what storing a record took. One table does both.

alter table charge drop constraint charge_usage;
alter table usage_record rename to usage_record_by_month;
alter index usage_record_pkey rename to usage_record_by_month_pkey;

-- 详单 Usage as reported, with the rating it was given, once. Append-only.
create table usage_record (
    subscriber_id bigint not null,
    month date not null,
    -- The id that the source gave it.
    source_id text not null check (source_id <> '' and length(source_id) <= 128),
    service text not null check (service in ('data', 'voice', 'sms')),
    started_at timestamptz not null,
    -- Bytes, seconds or messages.
    quantity bigint not null check (quantity >= 0),
    rating_group integer check (rating_group >= 0),
    received_at timestamptz not null,
    -- In rated units (bytes, minutes, messages): from allowances, beyond them and charged for, stored and absorbed.
    from_allowance bigint not null check (from_allowance >= 0),
    overage bigint not null check (overage >= 0),
    absorbed bigint not null check (absorbed >= 0),
    -- Yuan; also a charge row when it is more than zero.
    cost numeric(20, 6) not null check (cost >= 0),
    -- The plan whose overage terms applied; NULL where there was no plan.
    plan_subscription_id bigint,
    -- Which allowances served it: [{"subscription_id", "month", "ordinal", "quantity"}].
    split jsonb not null default '[]' check (jsonb_typeof(split) = 'array'),
    primary key (subscriber_id, month, source_id),
    -- Whatever month it claims.
    constraint usage_record_once unique (subscriber_id, source_id),
    constraint usage_record_plan foreign key (subscriber_id, plan_subscription_id) references subscription,
    constraint usage_record_month check (
        month = (date_trunc('month', started_at at time zone 'Asia/Shanghai'))::date),
    constraint usage_record_rated_whole check (
        from_allowance + overage + absorbed =
            case service when 'voice' then (quantity + 59) / 60 else quantity end),
    constraint usage_record_cost_has_overage check (cost = 0 or overage > 0),
    -- Nothing beyond the allowances can be used where no plan has a price for it.
    constraint usage_record_overage_has_plan check (overage = 0 or plan_subscription_id is not null)
);
insert into usage_record select subscriber_id, month, source_id, service, started_at, quantity, rating_group, received_at,
    from_allowance, overage, absorbed, cost, plan_subscription_id, split from usage_record_by_month;
grant select, insert on usage_record to mingbai_app;

drop table usage_record_by_month;
drop table usage_identity;
drop function usage_partition_ensure(date);
alter table charge add constraint charge_usage
    foreign key (subscriber_id, month, usage_source_id) references usage_record;
