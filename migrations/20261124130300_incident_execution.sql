-- 执行 What a second person approved is returned: as one batch of refunds, in order of subscribers, some at a time.

-- The batch that a proposal asks for: how many refunds, and yuan in all, as they would be made.
alter table incident_proposal
    add column batch_id bigint not null references refund_batch,
    add constraint incident_proposal_batch_once unique (batch_id),
    add constraint incident_proposal_batch unique (incident_id, proposal_no, batch_id);
alter table incident_approval
    add constraint incident_approval_proposal unique (incident_id, proposal_no);

-- How far it is. What was returned is known by its refunds; this says where to go on.
create table incident_execution (
    incident_id bigint primary key,
    proposal_no integer not null,
    batch_id bigint not null,
    state text not null check (state in ('running', 'paused', 'done')),
    -- Everybody up to this subscriber has his refunds.
    done_subscriber_id bigint not null default 0,
    -- Refunds that were made, and those of charges that had been returned before in another way.
    made bigint not null default 0 check (made >= 0),
    already bigint not null default 0 check (already >= 0),
    started_by bigint not null references staff,
    started_at timestamptz not null,
    finished_at timestamptz,
    -- Only what was approved, and by the batch that was worked out for it.
    constraint incident_execution_approved foreign key (incident_id, proposal_no)
        references incident_approval (incident_id, proposal_no),
    constraint incident_execution_batch foreign key (incident_id, proposal_no, batch_id)
        references incident_proposal (incident_id, proposal_no, batch_id),
    constraint incident_execution_finished check ((state = 'done') = (finished_at is not null))
);
create index incident_execution_running on incident_execution (incident_id) where state = 'running';
grant select, insert, update (state, done_subscriber_id, made, already, finished_at) on incident_execution to mingbai_app;

-- What is returned of the charges on a list: an imported charge as it was paid, a bill line by what its charges on the list come
-- to. What is on no bill yet cannot be returned yet.
create view incident_refund as
select c.incident_id, c.subscriber_id, i.imported_charge_id, null::date as month, null::integer as line_no,
    i.amount as charged, i.amount, i.route as paid_by, i.route_reference as reference
from incident_charge c
join imported_charge i on i.subscriber_id = c.subscriber_id and i.imported_charge_id = c.imported_charge_id
where c.imported and not exists (
    select from incident_exclusion x where x.subscriber_id = c.subscriber_id and x.incident_id = c.incident_id
        and x.imported = c.imported and x.item_id = c.item_id)
union all
select c.incident_id, c.subscriber_id, null, l.month, l.line_no, l.amount,
    least(l.amount, round(sum(c.amount), 2)), 'line', null
from incident_charge c
join bill_line_charge b on b.subscriber_id = c.subscriber_id and b.charge_id = c.charge_id
join bill_line l on l.subscriber_id = b.subscriber_id and l.month = b.month and l.line_no = b.line_no
where not c.imported and not exists (
    select from incident_exclusion x where x.subscriber_id = c.subscriber_id and x.incident_id = c.incident_id
        and x.imported = c.imported and x.item_id = c.item_id)
group by c.incident_id, c.subscriber_id, l.month, l.line_no, l.amount
having least(l.amount, round(sum(c.amount), 2)) > 0;
grant select on incident_refund to mingbai_app;
