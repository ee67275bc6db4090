-- Usage, allowances, and the cap.

-- 封顶 The cap that a subscriber chose, or the standard one (seq 0). Append-only: the newest one holds.
-- Raising it needs a consent for that very amount; lowering it, which can only cost less, does not.
create table cap_choice (
    subscriber_id bigint not null references subscriber,
    seq integer not null check (seq >= 0),
    cap numeric(12, 2) not null check (cap between 0 and 100000),
    previous_seq integer,
    previous_cap numeric(12, 2),
    consent_seq integer,
    channel_id text not null references channel,
    chosen_at timestamptz not null,
    primary key (subscriber_id, seq),
    constraint cap_choice_amount unique (subscriber_id, seq, cap),
    constraint cap_choice_previous foreign key (subscriber_id, previous_seq, previous_cap)
        references cap_choice (subscriber_id, seq, cap),
    constraint cap_choice_consent foreign key (subscriber_id, consent_seq, cap)
        references consent (subscriber_id, seq, cap),
    constraint cap_choice_consent_once unique (subscriber_id, consent_seq),
    -- The first is the standard cap of 600 yuan or one brought from another system, never higher.
    constraint cap_choice_raise_needs_consent check (
        case when seq = 0 then previous_seq is null and previous_cap is null and cap <= 600
        else previous_seq is not null and previous_cap is not null and previous_seq = seq - 1
            and (cap <= previous_cap or consent_seq is not null) end)
);
grant select, insert on cap_choice to mingbai_app;

-- The month of one subscriber: how much beyond the allowances was charged and is reserved, and the cap it may not pass.
create table month_counter (
    subscriber_id bigint not null references subscriber,
    -- First day of the calendar month in Asia/Shanghai.
    month date not null check (extract(day from month) = 1),
    cap_seq integer not null,
    overage_cap numeric(12, 2) not null,
    -- Yuan of data overage charged, and held for sessions that are open.
    overage_charged numeric(20, 6) not null default 0 check (overage_charged >= 0),
    overage_reserved numeric(20, 6) not null default 0 check (overage_reserved >= 0),
    primary key (subscriber_id, month),
    constraint month_counter_cap_chosen foreign key (subscriber_id, cap_seq, overage_cap)
        references cap_choice (subscriber_id, seq, cap),
    constraint month_counter_cap_holds check (overage_charged + overage_reserved <= overage_cap)
);
grant select, insert, update (cap_seq, overage_cap, overage_charged, overage_reserved) on month_counter to mingbai_app;

-- V of the rating rules: bytes beyond the allowances in a month, under the plan whose overage terms price them.
create table overage_volume (
    subscriber_id bigint not null,
    month date not null,
    subscription_id bigint not null,
    -- All bytes beyond the allowances; of these, the bytes reported beyond what the cap of that moment paid for, which
    -- are absorbed for good; and what f of the others came to, in yuan.
    volume_bytes bigint not null default 0 check (volume_bytes >= 0),
    absorbed_bytes bigint not null default 0 check (absorbed_bytes between 0 and volume_bytes),
    charged numeric(20, 6) not null default 0 check (charged >= 0),
    -- Beyond the allowances of calls and messages, where the plan has a price for them.
    voice_minutes bigint not null default 0 check (voice_minutes >= 0),
    sms_messages bigint not null default 0 check (sms_messages >= 0),
    primary key (subscriber_id, month, subscription_id),
    foreign key (subscriber_id, month) references month_counter,
    foreign key (subscriber_id, subscription_id) references subscription
);
grant select, insert, update (volume_bytes, absorbed_bytes, charged, voice_minutes, sms_messages) on overage_volume to mingbai_app;

-- What a subscription grants for a month, and how much of it is used.
create table allowance (
    subscriber_id bigint not null,
    subscription_id bigint not null,
    -- The month it is granted for, and its place in the tariff's list.
    month date not null check (extract(day from month) = 1),
    ordinal integer not null check (ordinal between 0 and 99),
    service text not null check (service in ('data', 'voice', 'sms')),
    -- Bytes, minutes or messages.
    granted bigint not null check (granted >= 0),
    used bigint not null default 0,
    reserved bigint not null default 0 check (reserved >= 0),
    -- Rating groups it is for; empty: any.
    rating_groups integer[] not null,
    -- Usable by records that started in [valid_from, valid_until).
    valid_from timestamptz not null,
    valid_until timestamptz not null check (valid_until >= valid_from),
    -- How much was taken by records of a month that could use exactly some set of allowances (the key names both, see
    -- `usage::pool::Class`), so that a record that arrives late can be served as if it had come in time.
    taken jsonb not null default '{}' check (jsonb_typeof(taken) = 'object'),
    primary key (subscriber_id, subscription_id, month, ordinal),
    foreign key (subscriber_id, subscription_id) references subscription,
    constraint allowance_not_exceeded check (used >= 0 and used + reserved <= granted)
);
grant select, insert, update (used, reserved, valid_until, taken) on allowance to mingbai_app;

-- The id that the source gave a record, once per subscriber whatever month it claims. Append-only.
create table usage_identity (
    subscriber_id bigint not null references subscriber,
    source_id text not null check (source_id <> '' and length(source_id) <= 128),
    month date not null check (extract(day from month) = 1),
    primary key (subscriber_id, source_id),
    constraint usage_identity_month unique (subscriber_id, source_id, month)
);
grant select, insert on usage_identity to mingbai_app;

-- 详单 Usage as reported, with the rating it was given, once. Append-only; a partition a month.
create table usage_record (
    subscriber_id bigint not null,
    month date not null,
    source_id text not null,
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
    constraint usage_record_identity foreign key (subscriber_id, source_id, month)
        references usage_identity (subscriber_id, source_id, month),
    foreign key (subscriber_id, plan_subscription_id) references subscription,
    constraint usage_record_month check (
        month = (date_trunc('month', started_at at time zone 'Asia/Shanghai'))::date),
    constraint usage_record_rated_whole check (
        from_allowance + overage + absorbed =
            case service when 'voice' then (quantity + 59) / 60 else quantity end),
    constraint usage_record_cost_has_overage check (cost = 0 or overage > 0)
) partition by range (month);
create index usage_record_time on usage_record (subscriber_id, started_at);
grant select, insert on usage_record to mingbai_app;

-- Makes the partition of a month where it is missing; only the owner may create tables, so it runs as the owner.
create function usage_partition_ensure(wanted date) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    first_day date := date_trunc('month', wanted::timestamp)::date;
    partition text := 'usage_record_' || to_char(first_day, 'YYYYMM');
begin
    if to_regclass(partition) is not null then
        return;
    end if;
    if first_day not between date '2000-01-01' and date '2199-12-01' then
        raise exception 'no usage partition for %', wanted;
    end if;
    perform pg_advisory_xact_lock(hashtext('usage_partition_ensure'));
    execute format('create table if not exists %I partition of usage_record for values from (%L) to (%L)',
        partition, first_day, (first_day + interval '1 month')::date);
end
$$;
revoke execute on function usage_partition_ensure(date) from public;
grant execute on function usage_partition_ensure(date) to mingbai_app;
