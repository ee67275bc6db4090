-- 未经同意: no proof of a yes, or one that was altered, is for something else, or came too late.
select r.subscriber_id, r.imported, r.item_id, r.scheme_id, r.source, r.decided_at, r.amount, r.route
from charge_review r
where r.imported = $1 and r.item_id > $2 and r.item_id <= $3 and r.charged_at >= $4 and r.charged_at < $5
    and $6::jsonb is not null and not r.has_consent
