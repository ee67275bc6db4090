-- 重复扣费: a month charged for again, or the same amount for the same thing within so many minutes. The one before stands.
select r.subscriber_id, r.imported, r.item_id, r.scheme_id, r.source, r.decided_at, r.amount, r.route
from charge_review r
cross join lateral (
    select from charge_review e
    where e.subscriber_id = r.subscriber_id and e.month = r.month and e.kind = r.kind and e.scheme_id = r.scheme_id
        and e.amount = r.amount
        and case when e.imported = r.imported
            then e.item_id < r.item_id and e.subscription_id is not distinct from r.subscription_id
            else r.imported end
        and (r.kind = 'recurring' or e.charged_at between r.charged_at - make_interval(mins => ($6::jsonb ->> 'minutes')::int)
            and r.charged_at + make_interval(mins => ($6::jsonb ->> 'minutes')::int))
    limit 1
) as earlier
where r.imported = $1 and r.item_id > $2 and r.item_id <= $3 and r.charged_at >= $4 and r.charged_at < $5
    and r.kind in ('recurring', 'one_off', 'third_party')
