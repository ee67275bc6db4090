-- 费用突增: what a month came to beyond so many times the average of the three before, each of which cost something. Charges of
-- ours count first.
with months as (
    select distinct r.subscriber_id, r.month
    from charge_review r
    where r.imported = $1 and r.item_id > $2 and r.item_id <= $3 and r.charged_at >= $4 and r.charged_at < $5
),
usual as (
    select m.subscriber_id, m.month, avg(before.total) as average
    from months m
    cross join lateral (
        select e.month, sum(e.amount) as total from charge_review e
        where e.subscriber_id = m.subscriber_id and e.month >= m.month - interval '3 months' and e.month < m.month
        group by e.month) as before
    group by m.subscriber_id, m.month
    having count(*) = 3
),
summed as (
    select r.*, u.average,
        sum(r.amount) over (
            partition by r.subscriber_id, r.month order by r.imported, r.charged_at, r.item_id) as so_far,
        sum(r.amount) over (partition by r.subscriber_id, r.month) as total
    from usual u
    cross join lateral (
        select e.subscriber_id, e.month, e.imported, e.item_id, e.scheme_id, e.source, e.decided_at, e.amount, e.route, e.charged_at
        from charge_review e where e.subscriber_id = u.subscriber_id and e.month = u.month) as r
)
select s.subscriber_id, s.imported, s.item_id, s.scheme_id, s.source, s.decided_at, s.amount, s.route
from summed s
where s.imported = $1 and s.so_far > s.average * ($6::jsonb ->> 'times')::numeric
    and s.total >= ($6::jsonb ->> 'amount_min_yuan')::numeric
