-- 收款 Money in: payments, what became of each, and the balance. Every yuan that is paid goes to a bill line or to the balance, and
-- running totals, each a chain of rows that cannot be changed, hold the sums within what was paid and what was due.

-- 支付 One payment, under one number at the gateway. What happens to it afterwards stands in payment_event.
create table payment (
    subscriber_id bigint not null references subscriber,
    payment_id bigint generated always as identity,
    -- top_up: into the balance. bill: bill lines that are due, the oldest first, and what is left of it into the balance.
    purpose text not null check (purpose in ('top_up', 'bill')),
    -- How it is paid. bank_card, wallet and direct_debit go through a gateway; cash is taken at a shop; balance is there already.
    route text not null check (route in ('bank_card', 'wallet', 'direct_debit', 'cash', 'balance')),
    -- Which gateway, such as `wechat`.
    gateway text check (gateway ~ '^[a-z][a-z0-9_]{1,30}$'),
    -- The account of the ledger from which its money comes.
    account text not null generated always as (
        case route when 'cash' then 'cash' when 'balance' then 'balance' else 'gateway' end) stored,
    -- Yuan.
    amount numeric(12, 2) not null check (amount > 0),
    -- The bill on whose page it was asked for; NULL: what is due in all, or a top-up.
    bill_month date check (extract(day from bill_month) = 1),
    -- Chance, so that a number is never used again, not even by a database that was restored from a copy.
    nonce text not null check (nonce ~ '^[0-9a-f]{8}$'),
    -- 商户订单号 The number under which the gateway knows it.
    merchant_order_no text not null generated always as
        ('P' || subscriber_id || '-' || payment_id || '-' || nonce) stored,
    -- Who asked for it: the subscriber, somebody at the shop, or the system where the subscriber chose payment by itself.
    asked_by text not null check (
        asked_by in ('subscriber', 'system') or asked_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    channel_id text not null references channel,
    asked_at timestamptz not null,
    -- Until then the gateway takes it; afterwards it is closed.
    expires_at timestamptz not null,
    -- paid is for good. closed and failed are not: money that arrives all the same has arrived.
    state text not null default 'asked' check (state in ('asked', 'paid', 'closed', 'failed')),
    -- 微信支付订单号 and the like: the gateway's own number.
    gateway_transaction_id text check (char_length(gateway_transaction_id) between 1 and 64),
    -- When the money was paid, as the gateway says.
    paid_at timestamptz,
    -- When it was closed or failed.
    ended_at timestamptz,
    -- What a settlement must name: the amount once it is paid. NULL before, so that nothing is settled by what was not paid.
    paid_amount numeric(12, 2) generated always as (case when state = 'paid' then amount end) stored,
    primary key (subscriber_id, payment_id),
    constraint payment_paid unique (subscriber_id, payment_id, paid_amount, account),
    constraint payment_transaction_once unique (subscriber_id, gateway, gateway_transaction_id),
    constraint payment_number_fits check (char_length(merchant_order_no) <= 32),
    constraint payment_gateway check ((account = 'gateway') = (gateway is not null)),
    constraint payment_balance_pays_bills check (route <> 'balance' or purpose = 'bill'),
    -- Nobody but the subscriber spends the balance, or the rule that he chose.
    constraint payment_balance_by_owner check (route <> 'balance' or asked_by in ('subscriber', 'system')),
    constraint payment_by_itself check (asked_by <> 'system' or route = 'balance'),
    constraint payment_cash_at_shop check (route <> 'cash' or asked_by like 'staff:%'),
    constraint payment_state check (
        case state when 'asked' then num_nonnulls(paid_at, ended_at, gateway_transaction_id) = 0
        when 'paid' then paid_at is not null and (account = 'gateway') = (gateway_transaction_id is not null)
        else paid_at is null and ended_at is not null end),
    constraint payment_expires check (expires_at >= asked_at)
);
create index payment_waiting on payment (expires_at) where state = 'asked';
create index payment_paid_at on payment (gateway, paid_at) where state = 'paid' and gateway is not null;
grant select, insert, update (state, gateway_transaction_id, paid_at, ended_at) on payment to mingbai_app;

-- Every step of a payment, and what was told about it that changed nothing. Append-only.
create table payment_event (
    subscriber_id bigint not null,
    event_id bigint generated always as identity,
    payment_id bigint not null,
    -- contradicted: the gateway said what cannot be, such as another amount; somebody has to look.
    what text not null check (what in ('asked', 'paid', 'closed', 'failed', 'contradicted')),
    at timestamptz not null,
    detail text not null default '' check (char_length(detail) <= 500),
    primary key (subscriber_id, event_id),
    foreign key (subscriber_id, payment_id) references payment
);
create index payment_event_of on payment_event (subscriber_id, payment_id);
grant select, insert on payment_event to mingbai_app;

-- 到期自动扣余额 Whether closed bills are paid from the balance by themselves; the last row counts, and without one they are not.
-- Append-only.
create table auto_payment_choice (
    subscriber_id bigint not null references subscriber,
    seq integer not null check (seq >= 1),
    wanted boolean not null,
    chosen_at timestamptz not null,
    -- The subscriber alone lets his balance be spent; anybody of the staff may stop it for him.
    actor text not null check (actor = 'subscriber' or not wanted and actor ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    channel_id text not null references channel,
    primary key (subscriber_id, seq)
);
grant select, insert on auto_payment_choice to mingbai_app;

-- A settlement and a refund name what a line is for; a key is needed to hold them to it.
alter table bill_line add constraint bill_line_amount unique (subscriber_id, month, line_no, amount);

-- 核销 What became of a payment: so much of it for this bill line, or into the balance. What is waived of a line that is not paid
-- yet comes from a refund instead. Append-only.
create table settlement (
    subscriber_id bigint not null references subscriber,
    settlement_id bigint generated always as identity,
    -- What paid: a payment, or a refund of the same line.
    payment_id bigint,
    refund_id bigint,
    -- A copy of the refund's: what was approved to be waived.
    approved_amount numeric(12, 2),
    -- The account of the ledger from which it comes: that of the payment. waived: of a refund.
    account text not null check (account in ('gateway', 'cash', 'balance', 'waived')),
    -- The line; NULL: into the balance.
    month date,
    line_no integer,
    -- Yuan.
    amount numeric(12, 2) not null check (amount > 0),
    at timestamptz not null,
    -- Yuan of the line that were settled before and are with this; the line's amount is a copy.
    line_amount numeric(20, 2),
    line_before numeric(20, 2),
    line_after numeric(20, 2),
    -- Yuan of the payment that were used before and are with this; the payment's amount is a copy.
    payment_amount numeric(12, 2),
    payment_before numeric(12, 2),
    payment_after numeric(12, 2),
    -- The account of the ledger that it goes to: what is owed for the line, or the balance.
    target text not null generated always as (case when month is null then 'balance' else 'receivable' end) stored,
    -- The running totals that these go on from; NULL for the first.
    line_previous numeric(20, 2) generated always as (nullif(line_before, 0)) stored,
    payment_previous numeric(12, 2) generated always as (nullif(payment_before, 0)) stored,
    primary key (subscriber_id, settlement_id),
    constraint settlement_source check (
        num_nonnulls(payment_id, refund_id) = 1 and (account = 'waived') = (refund_id is not null)),
    -- A refund waives once, and never more than was approved.
    constraint settlement_waived_within check (
        num_nonnulls(refund_id, approved_amount) in (0, 2) and amount <= coalesce(approved_amount, amount)),
    constraint settlement_waived_once unique (subscriber_id, refund_id),
    -- Only what was paid settles anything, from the account it was paid from.
    constraint settlement_payment foreign key (subscriber_id, payment_id, payment_amount, account)
        references payment (subscriber_id, payment_id, paid_amount, account),
    constraint settlement_line foreign key (subscriber_id, month, line_no, line_amount)
        references bill_line (subscriber_id, month, line_no, amount),
    constraint settlement_target check (
        num_nonnulls(month, line_no, line_amount, line_before, line_after) in (0, 5)
        and (month is not null or account in ('gateway', 'cash'))),
    -- Never more than the line, by a chain that neither forks nor has gaps.
    constraint settlement_line_within check (
        line_before >= 0 and line_after = line_before + amount and line_after <= line_amount),
    constraint settlement_line_after unique (subscriber_id, month, line_no, line_after),
    constraint settlement_line_before unique (subscriber_id, month, line_no, line_before),
    constraint settlement_line_chain foreign key (subscriber_id, month, line_no, line_previous)
        references settlement (subscriber_id, month, line_no, line_after),
    -- Never more than the payment, likewise.
    constraint settlement_payment_named check (
        num_nonnulls(payment_id, payment_amount, payment_before, payment_after) in (0, 4)),
    constraint settlement_payment_within check (
        payment_before >= 0 and payment_after = payment_before + amount and payment_after <= payment_amount),
    constraint settlement_payment_after unique (subscriber_id, payment_id, payment_after),
    constraint settlement_payment_before unique (subscriber_id, payment_id, payment_before),
    constraint settlement_payment_chain foreign key (subscriber_id, payment_id, payment_previous)
        references settlement (subscriber_id, payment_id, payment_after),
    -- What a transfer must name: from which account to which.
    constraint settlement_amount unique (subscriber_id, settlement_id, amount, account, target),
    -- What a part of a refund must name: the money of its own line.
    constraint settlement_of_line unique (subscriber_id, settlement_id, amount, account, month, line_no)
);
grant select, insert on settlement to mingbai_app;
