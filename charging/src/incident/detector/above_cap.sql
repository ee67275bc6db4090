-- 超过封顶: what a month's data overage came to beyond its cap: that of the month, else the newest chosen by its end, else 600.
-- Charges of ours, which the schema keeps within it, count first.
with months as (
    select distinct r.subscriber_id, r.month
    from charge_review r
    where r.imported = $1 and r.item_id > $2 and r.item_id <= $3 and r.charged_at >= $4 and r.charged_at < $5
        and r.kind = 'data_overage' and $6::jsonb is not null
),
summed as (
    select r.*, sum(r.amount) over (
        partition by r.subscriber_id, r.month order by r.imported, r.charged_at, r.item_id) as so_far
    from months m
    cross join lateral (
        select e.subscriber_id, e.month, e.imported, e.item_id, e.scheme_id, e.source, e.decided_at, e.amount, e.route, e.charged_at
        from charge_review e
        where e.subscriber_id = m.subscriber_id and e.month = m.month and e.kind = 'data_overage') as r
)
select s.subscriber_id, s.imported, s.item_id, s.scheme_id, s.source, s.decided_at, s.amount, s.route
from summed s
where s.imported = $1 and s.so_far > coalesce(
    (select c.overage_cap from month_counter c where c.subscriber_id = s.subscriber_id and c.month = s.month),
    (select c.cap from cap_choice c where c.subscriber_id = s.subscriber_id
        and c.chosen_at < (s.month + interval '1 month')::timestamp at time zone 'Asia/Shanghai'
        order by c.seq desc limit 1),
    600)
