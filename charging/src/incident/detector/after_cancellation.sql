-- 退订后扣费: for a month that began, or by an order that came, after it had been cancelled.
select r.subscriber_id, r.imported, r.item_id, r.scheme_id, r.source, r.decided_at, r.amount, r.route
from charge_review r
where r.imported = $1 and r.item_id > $2 and r.item_id <= $3 and r.charged_at >= $4 and r.charged_at < $5
    and $6::jsonb is not null
    and case r.kind
        when 'recurring' then r.month::timestamp at time zone 'Asia/Shanghai' >= r.cancelled_at
        when 'third_party' then r.charged_at > r.cancelled_at
        when 'one_off' then coalesce(r.ordered_at, r.charged_at) > r.cancelled_at
        else false end
