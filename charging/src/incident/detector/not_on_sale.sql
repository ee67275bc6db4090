-- 未公示或不在售: no version of the tariff was public and could be ordered when it was, or its sales had been stopped. Where nobody
-- knows when it was ordered, it must have been public when it was charged.
select r.subscriber_id, r.imported, r.item_id, r.scheme_id, r.source, r.decided_at, r.amount, r.route
from charge_review r
left join tariff_off_sale w on w.scheme_id = r.scheme_id and coalesce(r.ordered_at, r.agreed_at) is not null
where r.imported = $1 and r.item_id > $2 and r.item_id <= $3 and r.charged_at >= $4 and r.charged_at < $5
    and $6::jsonb is not null and r.kind in ('recurring', 'one_off')
    and (w.withdrawn_at <= r.decided_at or not exists (
        select from tariff_version v
        where v.scheme_id = r.scheme_id and v.orderable_from <= r.decided_at and v.version = coalesce(r.version, v.version)
            and (coalesce(r.ordered_at, r.agreed_at) is null
                or (r.decided_at at time zone 'Asia/Shanghai')::date between v.on_sale_from and v.on_sale_until)))
