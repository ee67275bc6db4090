-- Everything that an incident ($1) affects: from its findings ($2), else by tariff, source, time and region. What another
-- incident deals with is left to that one.
insert into pg_temp.affected
select r.subscriber_id, r.imported, r.item_id, r.amount, r.route
from (
    select distinct f.subscriber_id, f.imported, f.item_id
    from incident_finding i
    join finding_charge f on f.finding_id = i.finding_id
    where $2 and i.incident_id = $1
) as f
cross join lateral (
    select c.subscriber_id, c.imported, c.item_id, c.amount, c.route from charge_review c
    where c.subscriber_id = f.subscriber_id and c.imported = f.imported and c.item_id = f.item_id
) as r
where not exists (
    select from incident_charge o
    where o.subscriber_id = r.subscriber_id and o.imported = r.imported and o.item_id = r.item_id
        and not exists (select from incident_exclusion x where x.subscriber_id = o.subscriber_id
            and x.incident_id = o.incident_id and x.imported = o.imported and x.item_id = o.item_id))
union all
select r.subscriber_id, r.imported, r.item_id, r.amount, r.route
from charge_review r
join subscriber s on s.subscriber_id = r.subscriber_id
where not $2 and ($3::text is null or r.scheme_id = $3) and ($4::text is null or r.source = $4)
    and ($5::timestamptz is null or r.decided_at >= $5) and ($6::timestamptz is null or r.decided_at < $6)
    and ($7::text is null or s.region = $7)
    and not exists (
        select from incident_charge o
        where o.subscriber_id = r.subscriber_id and o.imported = r.imported and o.item_id = r.item_id
            and not exists (select from incident_exclusion x where x.subscriber_id = o.subscriber_id
                and x.incident_id = o.incident_id and x.imported = o.imported and x.item_id = o.item_id))
