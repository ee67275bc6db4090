-- 价格不符: more than the version that was agreed to costs. Less is a first month in part.
select r.subscriber_id, r.imported, r.item_id, r.scheme_id, r.source, r.decided_at, r.amount, r.route
from charge_review r
where r.imported = $1 and r.item_id > $2 and r.item_id <= $3 and r.charged_at >= $4 and r.charged_at < $5
    and r.amount > r.agreed_price + ($6::jsonb ->> 'tolerance_fen')::numeric / 100
