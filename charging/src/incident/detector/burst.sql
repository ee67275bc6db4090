-- 短时间大量订购: so many orders of one tariff from one source within so many minutes, whichever minutes these are. What came
-- from another system is held against everything like it; of ours, what was charged together.
with looked_at as materialized (
    select * from charge_review r
    where r.imported = $1 and r.item_id > $2 and r.item_id <= $3 and r.charged_at >= $4 and r.charged_at < $5
        and r.kind in ('recurring', 'one_off', 'third_party')
        -- What moved in was ordered elsewhere, at the time its proof says.
        and (r.imported or r.source <> 'import')
),
around as (
    select scheme_id, source, min(decided_at) - make_interval(mins => ($6::jsonb ->> 'minutes')::int) as from_at,
        max(decided_at) + make_interval(mins => ($6::jsonb ->> 'minutes')::int) as until_at
    from looked_at group by scheme_id, source
),
alike as (
    select r.subscriber_id, r.imported, r.item_id, r.scheme_id, r.source, r.decided_at, r.amount, r.route
    from looked_at r where not $1
    union all
    select i.subscriber_id, true, i.imported_charge_id, i.scheme_id, i.source, i.decided_at, i.amount, i.route
    from around a
    join imported_charge i on i.scheme_id = a.scheme_id and i.source = a.source
        and i.decided_at between a.from_at and a.until_at
    where $1 and i.kind in ('recurring', 'one_off', 'third_party')
),
-- One order is charged for month after month. What was just written is taken for few rows, so nothing is joined here: a join of few
-- is a loop in a loop.
marked as (
    select *, row_number() over (partition by scheme_id, source, decided_at, subscriber_id order by item_id) = 1 as is_first
    from alike
),
counted as (
    select *, count(*) filter (where is_first) over (
        partition by scheme_id, source order by decided_at
        range between make_interval(mins => ($6::jsonb ->> 'minutes')::int) preceding and current row) as orders
    from marked
),
crowded as (
    select *,
        count(*) filter (where orders >= ($6::jsonb ->> 'orders_min')::int) over (
            partition by scheme_id, source order by decided_at
            range between current row and make_interval(mins => ($6::jsonb ->> 'minutes')::int) following) as ends
    from counted
)
select subscriber_id, imported, item_id, scheme_id, source, decided_at, amount, route from crowded where ends > 0
