-- 家庭账单 A holder sees what the bills of other numbers come to, of those that said yes to him: what each number's bill is in total and
-- by kind, and nothing else. It is a view; nobody pays for another.
--
-- A link joins two subscribers. Its rows are those of the number that is seen, whose yes it is; the holder's id in them is no foreign key,
-- for it would reach another subscriber.

-- What is agreed to: that this subscriber sees it.
alter table consent_request
    add column holder_id bigint,
    drop constraint consent_request_purpose_check,
    add constraint consent_request_purpose_check check (purpose in ('order', 'cap', 'family')),
    drop constraint consent_request_subject,
    add constraint consent_request_subject check (
        case purpose
            when 'order' then num_nonnulls(scheme_id, version, recurring_price, one_off_price) = 4
                and num_nonnulls(cap, holder_id) = 0
            when 'cap' then num_nonnulls(scheme_id, version, recurring_price, one_off_price, holder_id) = 0 and cap is not null
            else num_nonnulls(scheme_id, version, recurring_price, one_off_price, cap) = 0 and holder_id is not null
        end),
    -- Nobody agrees to see his own bills.
    add constraint consent_request_other check (holder_id <> subscriber_id),
    add constraint consent_request_family unique (subscriber_id, request_id, asked_at, holder_id);

alter table consent
    add column holder_id bigint,
    drop constraint consent_purpose_check,
    add constraint consent_purpose_check check (purpose in ('order', 'cap', 'family')),
    drop constraint consent_subject,
    add constraint consent_subject check (
        case purpose
            when 'order' then num_nonnulls(scheme_id, version, recurring_price, one_off_price) = 4
                and num_nonnulls(cap, holder_id) = 0
            when 'cap' then num_nonnulls(scheme_id, version, recurring_price, one_off_price, holder_id) = 0 and cap is not null
            else num_nonnulls(scheme_id, version, recurring_price, one_off_price, cap) = 0 and holder_id is not null
        end),
    -- Evidence of anything else has no such key, so that what was hashed before stays as it is.
    add constraint consent_evidence_holder check (
        convert_from(evidence, 'UTF8')::jsonb -> 'holder_id' is not distinct from to_jsonb(holder_id)),
    add constraint consent_answers_family foreign key (subscriber_id, request_id, asked_at, holder_id)
        references consent_request (subscriber_id, request_id, asked_at, holder_id),
    -- Proof of it does not come from elsewhere: it was asked here.
    add constraint consent_family_asked check (purpose <> 'family' or request_id is not null),
    add constraint consent_family unique (subscriber_id, seq, holder_id, agreed_at);

-- Who was invited by whom. Nothing is seen by it: the number that was invited has to agree itself.
create table family_invitation (
    -- The number that is invited.
    subscriber_id bigint not null references subscriber,
    invitation_id bigint generated always as identity,
    holder_id bigint not null,
    invited_at timestamptz not null,
    expires_at timestamptz not null,
    state text not null default 'open' check (state in ('open', 'agreed', 'refused', 'withdrawn', 'expired')),
    closed_at timestamptz,
    primary key (subscriber_id, invitation_id),
    constraint family_invitation_other check (holder_id <> subscriber_id),
    -- 7 days.
    constraint family_invitation_lifetime check (expires_at = invited_at + interval '168 hours'),
    constraint family_invitation_closed check ((state = 'open') = (closed_at is null) and closed_at >= invited_at),
    -- What a link names.
    constraint family_invitation_of unique (subscriber_id, invitation_id, holder_id, expires_at)
);
create unique index family_invitation_open on family_invitation (subscriber_id, holder_id) where state = 'open';
create index family_invitation_holder on family_invitation (holder_id, invited_at);
grant select, insert, update (state, closed_at) on family_invitation to mingbai_app;

-- A yes that a holder sees the bills. It stays; `family_leaving` ends it.
create table family_link (
    -- The number that is seen.
    subscriber_id bigint not null references subscriber,
    -- 1, 2, 3 … of the number.
    link_no integer not null,
    holder_id bigint not null,
    invitation_id bigint not null,
    invited_until timestamptz not null,
    consent_seq integer not null,
    agreed_at timestamptz not null,
    -- Nothing of an earlier month is shown.
    first_month date not null,
    -- The link before, which has to be over: a number is in one family at a time.
    previous_no integer,
    primary key (subscriber_id, link_no),
    constraint family_link_other check (holder_id <> subscriber_id),
    constraint family_link_consent foreign key (subscriber_id, consent_seq, holder_id, agreed_at)
        references consent (subscriber_id, seq, holder_id, agreed_at),
    constraint family_link_consent_once unique (subscriber_id, consent_seq),
    constraint family_link_invitation foreign key (subscriber_id, invitation_id, holder_id, invited_until)
        references family_invitation (subscriber_id, invitation_id, holder_id, expires_at),
    constraint family_link_invitation_once unique (subscriber_id, invitation_id),
    constraint family_link_in_time check (agreed_at <= invited_until),
    constraint family_link_first_month check (
        first_month = date_trunc('month', agreed_at at time zone 'Asia/Shanghai')::date),
    constraint family_link_step check (link_no >= 1 and previous_no is not distinct from nullif(link_no - 1, 0)),
    -- What a leaving names.
    constraint family_link_agreed unique (subscriber_id, link_no, agreed_at)
);
create index family_link_holder on family_link (holder_id);
grant select, insert on family_link to mingbai_app;

-- The end of a link, by either side, at once and for good.
create table family_leaving (
    subscriber_id bigint not null,
    link_no integer not null,
    agreed_at timestamptz not null,
    left_at timestamptz not null,
    left_by text not null check (left_by in ('member', 'holder')),
    channel_id text not null references channel,
    primary key (subscriber_id, link_no),
    constraint family_leaving_link foreign key (subscriber_id, link_no, agreed_at)
        references family_link (subscriber_id, link_no, agreed_at),
    constraint family_leaving_after check (left_at >= agreed_at)
);
grant select, insert on family_leaving to mingbai_app;

alter table family_link add constraint family_link_one_at_a_time foreign key (subscriber_id, previous_no)
    references family_leaving (subscriber_id, link_no);

-- Links that are not over.
create view family_member as
    select l.subscriber_id, l.link_no, l.holder_id, l.agreed_at, l.first_month
    from family_link l
    where not exists (
        select from family_leaving e where e.subscriber_id = l.subscriber_id and e.link_no = l.link_no);
grant select on family_member to mingbai_app;

-- All that a holder sees of another number, and the one way in which pages and files read it: without a link that is open there is no row.
create view family_bill as
    select m.holder_id, b.subscriber_id, b.month, b.total
    from family_member m join bill b on b.subscriber_id = m.subscriber_id and b.month >= m.first_month;
grant select on family_bill to mingbai_app;

create view family_bill_kind as
    select f.holder_id, f.subscriber_id, f.month, l.kind, sum(l.amount) as amount
    from family_bill f join bill_line l on l.subscriber_id = f.subscriber_id and l.month = f.month
    group by f.holder_id, f.subscriber_id, f.month, l.kind;
grant select on family_bill_kind to mingbai_app;
