-- 退费 Money back: what is returned, why, who asked and who let it go, and each part of it along the way it was paid. That it is never
-- more than was paid, never twice and never to another place is kept by keys and running totals.

-- Many refunds that are decided at once. Its refunds are written when it is carried out, each once.
create table refund_batch (
    batch_id bigint generated always as identity primary key,
    -- What it is for, as its report says.
    purpose text not null check (char_length(purpose) between 1 and 200),
    reason text not null,
    -- How many refunds, and yuan in all, as they were approved.
    refunds bigint not null check (refunds > 0),
    amount numeric(20, 2) not null check (amount > 0),
    asked_by text not null check (asked_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    asked_at timestamptz not null,
    approved_by text check (approved_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    approved_at timestamptz,
    -- How many refunds of it were made, and yuan in all.
    made bigint not null default 0 check (made >= 0),
    returned numeric(20, 2) not null default 0 check (returned >= 0),
    -- Never more than was approved, and nothing before.
    constraint refund_batch_within check (
        made <= refunds and returned <= amount and (made = 0 and returned = 0 or approved_by is not null)),
    constraint refund_batch_approved check (num_nonnulls(approved_by, approved_at) in (0, 2) and approved_at >= asked_at),
    -- The same person cannot do both.
    constraint refund_batch_by_another check (approved_by <> asked_by),
    constraint refund_batch_decision unique (batch_id, asked_by, approved_by, reason)
);
grant select, insert, update (approved_by, approved_at, made, returned) on refund_batch to mingbai_app;

-- 退费单 Of one bill line, or of one charge of another system (imported_charge).
create table refund (
    subscriber_id bigint not null references subscriber,
    refund_id bigint generated always as identity,
    -- The line …
    month date,
    line_no integer,
    -- … or the charge of another system.
    imported_charge_id bigint,
    -- Yuan of the line or the charge: a copy.
    charged numeric(20, 2) not null,
    -- How the charge was paid. `line`: as the settlements of the line say. bill: with a bill of the other system.
    paid_by text not null check (paid_by in ('line', 'bill', 'balance', 'gateway', 'platform')),
    -- Of a charge of another system: the gateway's number of the payment, or the platform and its order.
    reference text check (char_length(reference) between 1 and 128),
    -- Yuan to be returned.
    amount numeric(12, 2) not null check (amount > 0),
    reason text not null check (reason in ('no_consent', 'broken_consent', 'above_price', 'above_cap', 'after_cancellation',
        'duplicate', 'not_on_sale', 'dispute', 'incident', 'goodwill')),
    -- In words, for whoever decides, and for the subscriber.
    note text not null default '' check (char_length(note) <= 500),
    batch_id bigint,
    asked_by text not null check (
        asked_by in ('subscriber', 'system') or asked_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    asked_at timestamptz not null,
    state text not null default 'asked' check (state in ('asked', 'approved', 'rejected')),
    -- Who approved or rejected it.
    decided_by text check (decided_by = 'system' or decided_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    decided_at timestamptz,
    -- Why, in words that the subscriber may read; of a rejection never empty.
    decision text not null default '' check (char_length(decision) <= 500),
    -- What parts must name: the amount once it is approved. NULL before, so that nothing goes out that nobody let go.
    approved_amount numeric(12, 2) generated always as (case when state = 'approved' then amount end) stored,
    primary key (subscriber_id, refund_id),
    constraint refund_of_one check (
        num_nonnulls(month, line_no) in (0, 2) and (month is null) = (imported_charge_id is not null)
        and (paid_by = 'line') = (month is not null)),
    constraint refund_line_amount foreign key (subscriber_id, month, line_no, charged)
        references bill_line (subscriber_id, month, line_no, amount),
    constraint refund_within check (amount <= charged),
    constraint refund_reference check ((paid_by in ('gateway', 'platform')) = (reference is not null)),
    constraint refund_decided check (
        (state = 'asked') = (num_nonnulls(decided_by, decided_at) = 0) and num_nonnulls(decided_by, decided_at) in (0, 2)
        and decided_at >= asked_at and (state <> 'rejected' or decision <> '')),
    -- Whoever asks does not decide: two people, whatever the amount.
    constraint refund_by_another check (decided_by <> asked_by),
    -- Without a proof of consent it goes back without a question; nothing else is decided by the system.
    constraint refund_by_itself check (decided_by <> 'system' or reason in ('no_consent', 'broken_consent')),
    -- Of a batch: as the batch was asked for and approved, by those two.
    constraint refund_batch_decided foreign key (batch_id, asked_by, decided_by, reason)
        references refund_batch (batch_id, asked_by, approved_by, reason),
    constraint refund_batch_approved check (batch_id is null or state = 'approved'),
    constraint refund_approved unique (subscriber_id, refund_id, approved_amount, paid_by),
    -- What a waived line and a part must name: a refund of the same line, and what was approved.
    constraint refund_line unique (subscriber_id, month, line_no, refund_id, approved_amount)
);
-- One at a time is asked for a line, and a charge of another system is returned once.
create unique index refund_line_open on refund (subscriber_id, month, line_no) where state = 'asked' and month is not null;
create unique index refund_imported_once on refund (subscriber_id, imported_charge_id)
    where state <> 'rejected' and imported_charge_id is not null;
create unique index refund_line_of_batch on refund (subscriber_id, batch_id, month, line_no)
    where batch_id is not null and month is not null;
create index refund_waiting on refund (asked_at, subscriber_id, refund_id) where state = 'asked';
create index refund_decided on refund (decided_at desc, subscriber_id, refund_id) where state <> 'asked';
create index refund_of_batch on refund (batch_id, subscriber_id) where batch_id is not null;
grant select, insert, update (state, decided_by, decided_at, decision) on refund to mingbai_app;

alter table settlement
    add constraint settlement_waived foreign key (subscriber_id, month, line_no, refund_id, approved_amount)
        references refund (subscriber_id, month, line_no, refund_id, approved_amount);

-- 退费的每一部分 along one route each. Its number is the same on every try.
create table refund_part (
    subscriber_id bigint not null,
    refund_id bigint not null,
    part_no integer not null check (part_no between 1 and 1000),
    -- How that money was paid: the account of the settlement, or as the charge of another system says.
    paid_by text not null
        check (paid_by in ('gateway', 'cash', 'balance', 'waived', 'bill', 'platform')),
    -- bill: a line that was not paid is not due any more. balance: into the balance. gateway: back through the gateway, from
    -- the payment. platform: claimed from the platform that took the money.
    route text not null check (route in ('bill', 'balance', 'gateway', 'platform')),
    -- Yuan.
    amount numeric(12, 2) not null check (amount > 0),
    -- The settlement whose money goes back, and a copy of its amount; NULL for a charge of another system.
    settlement_id bigint,
    settlement_amount numeric(12, 2),
    -- Copies of the refund: its line, what was approved, and how it was paid.
    month date,
    line_no integer,
    approved_amount numeric(12, 2) not null,
    refund_paid_by text not null,
    -- The part of this refund that failed for good and whose place this one takes, into the balance.
    replaces_no integer,
    -- Yuan of the refund in parts before this and with it; of a part that replaces another: NULL.
    refund_before numeric(12, 2),
    refund_after numeric(12, 2),
    -- Yuan of the settlement returned before this and with it.
    settlement_before numeric(12, 2),
    settlement_after numeric(12, 2),
    previous_no integer generated always as (case when replaces_no is null then nullif(part_no - 1, 0) end) stored,
    refund_previous numeric(12, 2) generated always as (nullif(refund_before, 0)) stored,
    settlement_previous numeric(12, 2) generated always as (nullif(settlement_before, 0)) stored,
    nonce text not null check (nonce ~ '^[0-9a-f]{8}$'),
    -- 商户退款单号 The key under which the gateway or platform gets it, once, however often it is sent.
    refund_no text not null generated always as
        ('R' || subscriber_id || '-' || refund_id || '-' || part_no || '-' || nonce) stored,
    -- approved: to be sent. sent: it may be there; asked after before it is sent again. disputed: somebody has to look.
    state text not null check (state in ('approved', 'sent', 'confirmed', 'failed', 'disputed')),
    -- When it is to be sent, asked after, or sent again.
    due_at timestamptz not null,
    tries integer not null default 0 check (tries >= 0),
    sent_at timestamptz,
    -- The gateway's own number of it.
    gateway_refund_id text check (char_length(gateway_refund_id) between 1 and 64),
    -- When the money arrived, as the gateway says; when it was given up.
    confirmed_at timestamptz,
    failed_at timestamptz,
    -- Why it did not go, in the words of the gateway or platform.
    failure text not null default '' check (char_length(failure) <= 500),
    -- Of a claim: until when the platform has to answer.
    deadline_at timestamptz,
    -- Who wants it given up, of what a gateway leaves hanging: it is asked once more, and where nothing moved there the money goes
    -- into the balance.
    give_up_by text check (give_up_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    -- What a part that replaces it must name. NULL while it may still arrive.
    failed_amount numeric(12, 2) generated always as (case when state = 'failed' then amount end) stored,
    primary key (subscriber_id, refund_id, part_no),
    constraint refund_part_approved foreign key (subscriber_id, refund_id, approved_amount, refund_paid_by)
        references refund (subscriber_id, refund_id, approved_amount, paid_by),
    constraint refund_part_line foreign key (subscriber_id, month, line_no, refund_id, approved_amount)
        references refund (subscriber_id, month, line_no, refund_id, approved_amount),
    -- The money of that line, and of no other.
    constraint refund_part_settlement foreign key (subscriber_id, settlement_id, settlement_amount, paid_by, month, line_no)
        references settlement (subscriber_id, settlement_id, amount, account, month, line_no),
    -- Either the money of a settlement goes back, or a charge of another system as it was paid.
    constraint refund_part_source check (
        case when refund_paid_by = 'line' then num_nonnulls(settlement_id, settlement_amount, month, line_no) = 4
        else num_nonnulls(settlement_id, settlement_amount, month, line_no) = 0 and paid_by = refund_paid_by end),
    -- The way it was paid, and no other. Cash and a bill of another system come into the balance, as does what failed for good.
    constraint refund_part_route check (
        case when replaces_no is not null then route = 'balance' and paid_by in ('gateway', 'platform')
        when paid_by = 'waived' then route = 'bill'
        when paid_by in ('cash', 'balance', 'bill') then route = 'balance'
        else route = paid_by end),
    -- In all never more than was approved.
    constraint refund_part_within check (
        case when replaces_no is null then num_nonnulls(refund_before, refund_after) = 2 and refund_before >= 0
            and refund_after = refund_before + amount and refund_after <= approved_amount
        else num_nonnulls(refund_before, refund_after) = 0 end),
    constraint refund_part_first check (replaces_no is not null or (part_no = 1) = (refund_before = 0)),
    constraint refund_part_after unique (subscriber_id, refund_id, part_no, refund_after),
    constraint refund_part_chain foreign key (subscriber_id, refund_id, previous_no, refund_previous)
        references refund_part (subscriber_id, refund_id, part_no, refund_after),
    -- Never more of a settlement than it was, so never more of a payment than was paid, nor twice.
    constraint refund_part_settlement_within check (
        case when settlement_id is null or replaces_no is not null then num_nonnulls(settlement_before, settlement_after) = 0
        else num_nonnulls(settlement_before, settlement_after) = 2 and settlement_before >= 0
            and settlement_after = settlement_before + amount and settlement_after <= settlement_amount end),
    constraint refund_part_settlement_after unique (subscriber_id, settlement_id, settlement_after),
    constraint refund_part_settlement_chain foreign key (subscriber_id, settlement_id, settlement_previous)
        references refund_part (subscriber_id, settlement_id, settlement_after),
    -- What failed for good is replaced once, by as much. It stays failed then.
    constraint refund_part_failed unique (subscriber_id, refund_id, part_no, failed_amount),
    constraint refund_part_replaces foreign key (subscriber_id, refund_id, replaces_no, amount)
        references refund_part (subscriber_id, refund_id, part_no, failed_amount),
    -- What a transfer must name.
    constraint refund_part_amount unique (subscriber_id, refund_id, part_no, amount, paid_by, route),
    constraint refund_part_number_fits check (char_length(refund_no) <= 64),
    constraint refund_part_claim check ((route = 'platform') = (deadline_at is not null)),
    constraint refund_part_give_up check (give_up_by is null or route = 'gateway'),
    -- What stays in our own books is done when it is decided.
    constraint refund_part_at_once check (route in ('gateway', 'platform') or state = 'confirmed'),
    constraint refund_part_state check (
        (state = 'confirmed') = (confirmed_at is not null) and (state = 'failed') = (failed_at is not null)
        and (state <> 'sent' or sent_at is not null))
);
create unique index refund_part_settlement_before on refund_part (subscriber_id, settlement_id, settlement_before)
    where settlement_before is not null;
create unique index refund_part_replaced_once on refund_part (subscriber_id, refund_id, replaces_no)
    where replaces_no is not null;
create index refund_part_due on refund_part (due_at) where state in ('approved', 'sent', 'disputed');
create index refund_part_confirmed on refund_part (confirmed_at) where state = 'confirmed' and route = 'gateway';
grant select, insert,
    update (state, due_at, tries, sent_at, gateway_refund_id, confirmed_at, failed_at, failure, give_up_by)
    on refund_part to mingbai_app;

-- What was told about a part, by whom, and what became of it. Append-only.
create table refund_event (
    subscriber_id bigint not null,
    event_id bigint generated always as identity,
    refund_id bigint not null,
    part_no integer not null,
    -- contradicted: it was told after the end, and says something else.
    what text not null check (what in ('sent', 'accepted', 'succeeded', 'refused', 'stuck', 'unknown', 'mismatch', 'overdue',
        'given_up', 'contradicted')),
    -- The state of the part afterwards.
    state text not null check (state in ('approved', 'sent', 'confirmed', 'failed', 'disputed')),
    at timestamptz not null,
    detail text not null default '' check (char_length(detail) <= 500),
    primary key (subscriber_id, event_id),
    foreign key (subscriber_id, refund_id, part_no) references refund_part
);
create index refund_event_of on refund_event (subscriber_id, refund_id, part_no);
grant select, insert on refund_event to mingbai_app;
