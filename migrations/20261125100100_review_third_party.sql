-- What was collected for a platform rests on its own order and yes, and comes from the platform that asked.

create or replace view charge_review as
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
