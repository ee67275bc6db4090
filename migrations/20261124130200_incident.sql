-- 事件处置 An incident: like charges that are taken back together. One person proposes what goes back, another approves it.

create table incident (
    incident_id bigint generated always as identity primary key,
    title text not null check (length(title) between 1 and 100),
    opened_by bigint not null references staff,
    opened_at timestamptz not null,
    -- Which charges it is about; NULL is any. Where it was opened from findings, these say it (incident_finding).
    scheme_id text check (length(scheme_id) between 1 and 64),
    source text check (length(source) <= 100),
    decided_from timestamptz,
    decided_until timestamptz,
    region text check (length(region) between 1 and 200),
    constraint incident_period check (decided_until > decided_from)
);
grant select, insert on incident to mingbai_app;

-- Which findings it deals with. One that grows after its charges were listed can be taken by another incident. Append-only.
create table incident_finding (
    finding_id bigint not null references finding,
    incident_id bigint not null references incident,
    primary key (finding_id, incident_id)
);
create index incident_finding_of on incident_finding (incident_id);
grant select, insert on incident_finding to mingbai_app;

-- 停止源头 Sales of a tariff stopped so that it does not go on, at once and by one person. Somebody else lets them go on.
create table incident_stop (
    incident_id bigint not null references incident,
    scheme_id text not null references tariff,
    stopped_by bigint not null references staff,
    stopped_at timestamptz not null,
    lifted_by bigint references staff,
    lifted_at timestamptz,
    primary key (incident_id, scheme_id, stopped_at),
    constraint incident_stop_lifted check (
        (lifted_by is null) = (lifted_at is null) and (lifted_at is null or lifted_at >= stopped_at)),
    constraint incident_stop_lifted_by_another check (lifted_by <> stopped_by)
);
-- One that was lifted can be followed by another.
create unique index incident_stop_once on incident_stop (incident_id, scheme_id) where lifted_at is null;
grant select, insert, update (lifted_by, lifted_at) on incident_stop to mingbai_app;

-- From when on a tariff is not sold before its last day: withdrawn for good, or stopped by an incident.
create view tariff_off_sale as
select scheme_id, min(since) as withdrawn_at
from (
    select scheme_id, withdrawn_at as since from tariff_withdrawal
    union all
    select scheme_id, stopped_at from incident_stop where lifted_at is null
) as stopped
group by scheme_id;
grant select on tariff_off_sale to mingbai_app;

-- 冻结清单 That the list of affected charges was made, once, and what was on it. Append-only.
create table incident_list (
    incident_id bigint primary key references incident,
    charges bigint not null check (charges > 0),
    subscribers bigint not null check (subscribers between 1 and charges),
    -- Yuan.
    amount numeric(20, 6) not null check (amount > 0),
    listed_by bigint not null references staff,
    listed_at timestamptz not null
);
grant select, insert on incident_list to mingbai_app;

-- How many charges of a finding were on lists when this one was made: what comes to it later is on none. Append-only.
create table incident_list_finding (
    incident_id bigint not null references incident_list,
    finding_id bigint not null,
    charges bigint not null check (charges >= 0),
    primary key (incident_id, finding_id),
    foreign key (finding_id, incident_id) references incident_finding
);
grant select, insert on incident_list_finding to mingbai_app;

-- Every affected charge, as it was when the list was made. Append-only.
create table incident_charge (
    subscriber_id bigint not null,
    incident_id bigint not null,
    imported boolean not null,
    item_id bigint not null,
    -- Yuan, and how it was paid: of an imported charge what that says, by foreign key.
    amount numeric(20, 6) not null check (amount > 0),
    route text not null check (route in ('bill', 'balance', 'gateway', 'platform')),
    charge_id bigint generated always as (case when not imported then item_id end) stored,
    imported_charge_id bigint generated always as (case when imported then item_id end) stored,
    primary key (subscriber_id, incident_id, imported, item_id),
    constraint incident_charge_list foreign key (incident_id) references incident_list,
    constraint incident_charge_own foreign key (subscriber_id, charge_id) references charge,
    constraint incident_charge_imported foreign key (subscriber_id, imported_charge_id, amount, route)
        references imported_charge (subscriber_id, imported_charge_id, amount, route),
    constraint incident_charge_own_route check (imported or route = 'bill')
);
create index incident_charge_of on incident_charge (incident_id, subscriber_id);
grant select, insert on incident_charge to mingbai_app;

-- 剔除 Charges of the list that stay, each with the reason. Append-only.
create table incident_exclusion (
    subscriber_id bigint not null,
    incident_id bigint not null,
    imported boolean not null,
    item_id bigint not null,
    reason text not null check (length(reason) between 1 and 500),
    excluded_by bigint not null references staff,
    excluded_at timestamptz not null,
    primary key (subscriber_id, incident_id, imported, item_id),
    constraint incident_exclusion_charge foreign key (subscriber_id, incident_id, imported, item_id)
        references incident_charge
);
create index incident_exclusion_of on incident_exclusion (incident_id);
grant select, insert on incident_exclusion to mingbai_app;

-- 试算 What would go back, by each way, as the list and its exclusions were then. The newest is what can be approved. Append-only.
create table incident_proposal (
    incident_id bigint not null references incident_list,
    proposal_no integer not null check (proposal_no >= 1),
    proposed_by bigint not null references staff,
    proposed_at timestamptz not null,
    primary key (incident_id, proposal_no),
    constraint incident_proposal_by unique (incident_id, proposal_no, proposed_by)
);
grant select, insert on incident_proposal to mingbai_app;

create table incident_proposal_route (
    incident_id bigint not null,
    proposal_no integer not null,
    route text not null check (route in ('bill', 'balance', 'gateway', 'platform')),
    charges bigint not null check (charges > 0),
    subscribers bigint not null check (subscribers between 1 and charges),
    -- Yuan, exact.
    amount numeric(20, 6) not null check (amount > 0),
    primary key (incident_id, proposal_no, route),
    foreign key (incident_id, proposal_no) references incident_proposal
);
grant select, insert on incident_proposal_route to mingbai_app;

-- 复核 Somebody else than who proposed it said yes, once an incident. Append-only.
create table incident_approval (
    incident_id bigint primary key,
    proposal_no integer not null,
    proposed_by bigint not null,
    approved_by bigint not null references staff,
    approved_at timestamptz not null,
    constraint incident_approval_of foreign key (incident_id, proposal_no, proposed_by)
        references incident_proposal (incident_id, proposal_no, proposed_by),
    constraint incident_approval_by_another check (approved_by <> proposed_by)
);
grant select, insert on incident_approval to mingbai_app;

-- Where findings stand: how much was found, and whether somebody dealt with it since it grew last.
create view finding_standing as
select f.finding_id, f.detector, f.version, f.scheme_id, f.source, f.day, f.found_at, g.charges, g.amount, g.first_at, g.last_at,
    i.incident_id,
    -- An incident that has its list has dealt with what was there then.
    case when i.is_unlisted or g.charges <= i.charges then 'incident'
        when g.charges <= (select max(d.charges) from finding_dismissal d where d.finding_id = f.finding_id) then 'dismissed'
        else 'open' end as state
from finding f
join (
    select finding_id, sum(charges)::bigint as charges, sum(amount) as amount, min(first_at) as first_at, max(last_at) as last_at
    from finding_growth group by finding_id
) as g on g.finding_id = f.finding_id
left join lateral (
    select max(t.incident_id) as incident_id, bool_or(l.incident_id is null) as is_unlisted, max(n.charges) as charges
    from incident_finding t
    left join incident_list l on l.incident_id = t.incident_id
    left join incident_list_finding n on n.incident_id = t.incident_id and n.finding_id = t.finding_id
    where t.finding_id = f.finding_id
) as i on true;
grant select on finding_standing to mingbai_app;
