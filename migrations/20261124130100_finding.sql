-- 异常扣费 Charges that look wrong, found by detectors that are data.

-- Own charges in the order in which they were posted; of a few pages for each thousand of them.
create index charge_arrival on charge using brin (charge_id) with (pages_per_range = 32);
-- How far the numbers of charges have been given out.
grant select on sequence charge_charge_id_seq to mingbai_app;
grant select on sequence imported_charge_imported_charge_id_seq to mingbai_app;

-- 检测规则 What is looked for, and from which figure on. A change is a new version; the newest holds. Append-only.
create table detector_version (
    detector text not null check (detector in ('no_consent', 'price', 'burst', 'after_cancellation', 'duplicate',
        'above_cap', 'jump', 'not_on_sale')),
    version integer not null check (version >= 1),
    parameters jsonb not null check (jsonb_typeof(parameters) = 'object'),
    enabled boolean not null,
    set_at timestamptz not null,
    -- NULL: as delivered, or by the operator's engineer.
    set_by bigint references staff,
    primary key (detector, version),
    -- Each has its own figures, whole numbers within limits, and no others.
    constraint detector_version_parameters check (coalesce(
        case detector
        when 'price' then parameters - 'tolerance_fen' = '{}'
            and (parameters ->> 'tolerance_fen')::bigint between 0 and 10000
        when 'burst' then parameters - 'orders_min' - 'minutes' = '{}'
            and (parameters ->> 'orders_min')::bigint between 10 and 1000000
            and (parameters ->> 'minutes')::bigint between 1 and 1440
        when 'duplicate' then parameters - 'minutes' = '{}' and (parameters ->> 'minutes')::bigint between 0 and 1440
        when 'jump' then parameters - 'times' - 'amount_min_yuan' = '{}'
            and (parameters ->> 'times')::bigint between 2 and 100
            and (parameters ->> 'amount_min_yuan')::bigint between 1 and 100000
        else parameters = '{}' end, false))
);
insert into detector_version (detector, version, parameters, enabled, set_at) values
    ('no_consent', 1, '{}', true, '2026-11-24T00:00:00Z'),
    ('price', 1, '{"tolerance_fen": 0}', true, '2026-11-24T00:00:00Z'),
    ('burst', 1, '{"orders_min": 500, "minutes": 10}', true, '2026-11-24T00:00:00Z'),
    ('after_cancellation', 1, '{}', true, '2026-11-24T00:00:00Z'),
    ('duplicate', 1, '{"minutes": 10}', true, '2026-11-24T00:00:00Z'),
    ('above_cap', 1, '{}', true, '2026-11-24T00:00:00Z'),
    ('jump', 1, '{"times": 5, "amount_min_yuan": 100}', true, '2026-11-24T00:00:00Z'),
    ('not_on_sale', 1, '{}', true, '2026-11-24T00:00:00Z');
grant select, insert on detector_version to mingbai_app;

-- How far charges have been looked at. A number is given out before its row can be seen, so that what was seen counts as
-- complete only when every transaction that ran then is over.
create table review_mark (
    imported boolean primary key,
    -- Everything up to this number was looked at.
    done_id bigint not null default 0,
    -- What had been given out when it was looked last, and a transaction that began to write after that.
    seen_id bigint not null default 0,
    seen_before xid8 not null default '0',
    constraint review_mark_order check (done_id <= seen_id)
);
insert into review_mark (imported) values (false), (true);
grant select, update (done_id, seen_id, seen_before) on review_mark to mingbai_app;

-- What detectors look at: charges of ours and those brought from another system, with what each rests on.
create view charge_review as
select false as imported, c.subscriber_id, c.charge_id as item_id, c.kind, c.scheme_id, c.version, c.subscription_id, c.month,
    c.amount, c.charged_at, 'bill'::text as route,
    -- Who placed the order; of subscribers themselves, by which channel; of a platform, which.
    case when t.platform_id is not null then 'platform:' || t.platform_id
        when o.actor = 'subscriber' then o.channel_id else coalesce(o.actor, '') end as source,
    o.ordered_at, s.ends_at as cancelled_at, coalesce(o.ordered_at, c.charged_at) as decided_at,
    k.agreed_at,
    -- A yes that is there, unaltered, follows what was before it, and came before the order.
    coalesce(
        k.hash = sha256(coalesce(k.previous_hash, ''::bytea) || k.evidence)
        and (k.seq = 1 or k.previous_hash = (
            select p.hash from consent p where p.subscriber_id = k.subscriber_id and p.seq = k.seq - 1))
        and k.scheme_id = c.scheme_id and k.version = c.version and k.agreed_at <= o.ordered_at, false) as has_consent,
    case c.kind when 'recurring' then k.recurring_price when 'one_off' then k.one_off_price
        when 'third_party' then k.one_off_price end as agreed_price
from charge c
left join subscription s on s.subscriber_id = c.subscriber_id and s.subscription_id = c.subscription_id
left join third_party_charge t on t.subscriber_id = c.subscriber_id and t.third_party_charge_id = c.third_party_charge_id
left join product_order o on o.subscriber_id = c.subscriber_id and o.order_id = coalesce(s.order_id, t.order_id)
left join consent k on k.subscriber_id = o.subscriber_id and k.seq = o.consent_seq
union all
select true, i.subscriber_id, i.imported_charge_id, i.kind, i.scheme_id, null, null, i.month,
    i.amount, i.charged_at, i.route, i.source,
    i.ordered_at,
    -- Where the file does not say: when it ended here, if it did.
    coalesce(i.cancelled_at, (
        select case when count(*) = count(s.ends_at) then max(s.ends_at) end from subscription s
        where s.subscriber_id = i.subscriber_id and s.scheme_id = i.scheme_id)),
    i.decided_at, i.consent_agreed_at,
    coalesce(i.consent_agreed_at <= least(i.ordered_at, i.charged_at), false),
    -- Where the proof names no price: that of the version which was public when it was given.
    case when i.kind in ('recurring', 'one_off') then coalesce(i.consent_price, (
        select case i.kind when 'recurring' then v.recurring_price else v.one_off_price end from tariff_version v
        where v.scheme_id = i.scheme_id and v.published_at <= i.consent_agreed_at order by v.version desc limit 1))
    when i.kind = 'third_party' then i.consent_price end
from imported_charge i;
grant select on charge_review to mingbai_app;

-- 发现 Like charges that a detector found: of one tariff, from one source, on one day. Append-only; it grows with its charges.
create table finding (
    finding_id bigint generated always as identity primary key,
    detector text not null,
    -- The version that found the first of them.
    version integer not null,
    scheme_id text not null,
    source text not null,
    -- The day (Asia/Shanghai) on which it was decided that these would be charged.
    day date not null,
    found_at timestamptz not null,
    constraint finding_version foreign key (detector, version) references detector_version,
    constraint finding_once unique (detector, scheme_id, source, day),
    constraint finding_of_detector unique (finding_id, detector)
);
grant select, insert on finding to mingbai_app;

-- What is in a finding. A detector finds a charge once. Append-only.
create table finding_charge (
    subscriber_id bigint not null,
    detector text not null,
    imported boolean not null,
    -- The number of the charge, here or among the imported ones.
    item_id bigint not null,
    finding_id bigint not null,
    charge_id bigint generated always as (case when not imported then item_id end) stored,
    imported_charge_id bigint generated always as (case when imported then item_id end) stored,
    constraint finding_charge_once primary key (subscriber_id, detector, imported, item_id),
    constraint finding_charge_finding foreign key (finding_id, detector) references finding (finding_id, detector),
    constraint finding_charge_own foreign key (subscriber_id, charge_id) references charge,
    constraint finding_charge_imported foreign key (subscriber_id, imported_charge_id) references imported_charge
);
create index finding_charge_of on finding_charge (finding_id, subscriber_id);
grant select, insert on finding_charge to mingbai_app;

-- How a finding grew: what one look at new charges added, by the way it was paid. Its size is the sum. Append-only.
create table finding_growth (
    finding_id bigint not null references finding,
    growth_id bigint generated always as identity,
    route text not null check (route in ('bill', 'balance', 'gateway', 'platform')),
    charges bigint not null check (charges > 0),
    -- Yuan.
    amount numeric(20, 6) not null check (amount > 0),
    -- When it was decided that the first and the last of them would be charged.
    first_at timestamptz not null,
    last_at timestamptz not null,
    grown_at timestamptz not null,
    primary key (finding_id, growth_id)
);
grant select, insert on finding_growth to mingbai_app;

-- 不处理 That somebody looked at a finding of this size and found nothing wrong. When it grows it is open again. Append-only.
create table finding_dismissal (
    finding_id bigint not null references finding,
    -- Its size then.
    charges bigint not null check (charges > 0),
    reason text not null check (length(reason) between 1 and 500),
    dismissed_by bigint not null references staff,
    dismissed_at timestamptz not null,
    primary key (finding_id, charges)
);
grant select, insert on finding_dismissal to mingbai_app;
