-- The accounts between which money moves, beside what is charged: each transfer names the settlement or the part of a refund that it
-- is for, and the balance is a chain of the transfers that touched it.

alter table transfer
    -- What became of a payment, or what was waived.
    add column settlement_id bigint,
    -- A part of a refund, how it was paid, and the step of it.
    add column refund_id bigint,
    add column part_no integer,
    add column part_paid_by text,
    -- granted: what is returned is owed or given. paid: it arrived. lost: a claim that nobody will pay.
    add column step text check (step in ('granted', 'paid', 'lost')),
    -- The account that the settlement came from, as the settlement names it.
    add column settlement_account text generated always as (
        case when settlement_id is null then null when debit_account in ('refund', 'payable') then 'waived' else debit_account end
    ) stored,
    -- The account that the settlement goes to, as the settlement names it.
    add column settlement_target text generated always as (
        case when settlement_id is not null then credit_account end) stored,
    -- The way of the part, as the part names it: the balance has what goes there alone, and what is on its way goes as it was paid.
    add column part_route text generated always as (
        case when refund_id is null then null when credit_account = 'balance' then 'balance' else part_paid_by end) stored,
    drop constraint transfer_debit_account_check,
    drop constraint transfer_credit_account_check,
    drop constraint transfer_names_its_cause;

-- receivable: owed by the subscriber. balance 余额: owed to the subscriber. gateway, cash: money at the gateway, and in the shop.
-- payable: owed to platforms for whom was collected. refund: what was returned. refund_under_way: what is on its way back. claim:
-- what platforms are to return.
alter table transfer
    add constraint transfer_debit_account_check check (debit_account in
        ('receivable', 'rounding', 'revenue.recurring', 'revenue.one_off', 'revenue.penalty',
         'revenue.data_overage', 'revenue.voice_overage', 'revenue.sms_overage',
         'balance', 'gateway', 'cash', 'payable', 'refund', 'refund_under_way', 'claim')),
    add constraint transfer_credit_account_check check (credit_account in
        ('receivable', 'rounding', 'revenue.recurring', 'revenue.one_off', 'revenue.penalty',
         'revenue.data_overage', 'revenue.voice_overage', 'revenue.sms_overage',
         'balance', 'gateway', 'cash', 'payable', 'refund', 'refund_under_way', 'claim')),
    add constraint transfer_names_its_cause check (
        num_nonnulls(charge_id, rounding_month, reverses_id, settlement_id, refund_id) = 1
        and num_nonnulls(refund_id, part_no, part_paid_by, step) in (0, 4)),
    add constraint transfer_settlement foreign key (subscriber_id, settlement_id, amount, settlement_account, settlement_target)
        references settlement (subscriber_id, settlement_id, amount, account, target),
    add constraint transfer_refund_part foreign key (subscriber_id, refund_id, part_no, amount, part_paid_by, part_route)
        references refund_part (subscriber_id, refund_id, part_no, amount, paid_by, route),
    -- From which account to which, by what it is for; the keys above hold both to the settlement, and the way to the part. What was
    -- settled or returned is not reversed: a settlement stays, and a refund goes its own way.
    add constraint transfer_accounts check (
        case when settlement_id is not null then
            credit_account = 'receivable' and debit_account in ('gateway', 'cash', 'balance', 'refund', 'payable')
            or credit_account = 'balance' and debit_account in ('gateway', 'cash')
        when step = 'granted' then
            credit_account in ('balance', 'refund_under_way') and debit_account in ('refund', 'payable', 'claim', 'refund_under_way')
            and (debit_account <> 'claim' or part_paid_by = 'platform')
        when step = 'paid' then debit_account = 'refund_under_way'
            and credit_account = case part_paid_by when 'platform' then 'claim' else 'gateway' end
        when step = 'lost' then debit_account = 'refund' and credit_account = 'claim' and part_paid_by = 'platform'
        else debit_account not in ('balance', 'gateway', 'cash', 'refund', 'refund_under_way', 'claim')
            and credit_account not in ('balance', 'gateway', 'cash', 'refund', 'refund_under_way', 'claim') end);
create unique index transfer_settlement_once on transfer (subscriber_id, settlement_id) where settlement_id is not null;
create unique index transfer_refund_once on transfer (subscriber_id, refund_id, part_no, step) where refund_id is not null;

-- 余额 Each entry goes on from the one before, and names the transfer that it is; the last says what is there. Append-only.
create table balance_entry (
    subscriber_id bigint not null references subscriber,
    seq integer not null check (seq >= 1),
    transfer_id bigint not null,
    -- Yuan, and the accounts: copies of the transfer.
    amount numeric(20, 2) not null,
    debit_account text not null,
    credit_account text not null,
    -- Yuan in the balance before and after.
    before numeric(20, 2) not null,
    after numeric(20, 2) not null,
    at timestamptz not null,
    previous_seq integer generated always as (nullif(seq - 1, 0)) stored,
    primary key (subscriber_id, seq),
    constraint balance_entry_transfer foreign key (subscriber_id, transfer_id, amount, debit_account, credit_account)
        references transfer (subscriber_id, transfer_id, amount, debit_account, credit_account),
    constraint balance_entry_once unique (subscriber_id, transfer_id),
    constraint balance_entry_sum check (
        case 'balance' when credit_account then after = before + amount when debit_account then after = before - amount
        else false end),
    -- The balance is never overdrawn.
    constraint balance_not_below_zero check (after >= 0 and before >= 0),
    constraint balance_entry_first check (seq > 1 or before = 0),
    constraint balance_entry_after unique (subscriber_id, seq, after),
    constraint balance_entry_chain foreign key (subscriber_id, previous_seq, before)
        references balance_entry (subscriber_id, seq, after)
);
grant select, insert on balance_entry to mingbai_app;
