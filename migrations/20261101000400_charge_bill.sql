-- Charges, the ledger, and bills.

-- 费用 A charge names what it is for; nothing else can be a charge. Append-only.
create table charge (
    subscriber_id bigint not null references subscriber,
    charge_id bigint generated always as identity,
    kind text not null
        check (kind in ('recurring', 'one_off', 'data_overage', 'voice_overage', 'sms_overage')),
    -- The month it is for (of a usage charge: in which the record started).
    month date not null check (extract(day from month) = 1),
    subscription_id bigint not null,
    scheme_id text not null,
    version integer not null,
    recurring_price numeric(12, 2) not null,
    one_off_price numeric(12, 2) not null,
    -- The usage record, for usage charges alone.
    usage_source_id text,
    -- Rated units that the amount is for: bytes, minutes, messages; 1 for recurring and one-off.
    quantity bigint not null check (quantity > 0),
    -- Yuan, exact.
    amount numeric(20, 6) not null check (amount > 0),
    charged_at timestamptz not null,
    primary key (subscriber_id, charge_id),
    constraint charge_subscription foreign key
        (subscriber_id, subscription_id, scheme_id, version, recurring_price, one_off_price)
        references subscription
        (subscriber_id, subscription_id, scheme_id, version, recurring_price, one_off_price),
    constraint charge_usage foreign key (subscriber_id, month, usage_source_id) references usage_record,
    constraint charge_usage_once unique (subscriber_id, usage_source_id),
    constraint charge_names_its_cause check (
        (kind in ('data_overage', 'voice_overage', 'sms_overage')) = (usage_source_id is not null)),
    -- Never more than the price that was public and agreed to.
    constraint charge_within_price check (
        case kind when 'recurring' then amount <= recurring_price
        when 'one_off' then amount <= one_off_price else true end)
);
create unique index charge_recurring_once on charge (subscriber_id, subscription_id, month) where kind = 'recurring';
create unique index charge_one_off_once on charge (subscriber_id, subscription_id) where kind = 'one_off';
create index charge_month on charge (subscriber_id, month);
grant select, insert on charge to mingbai_app;

-- 账本 The ledger: each row moves an amount from one account of the subscriber's books to another. Append-only.
create table transfer (
    subscriber_id bigint not null references subscriber,
    transfer_id bigint generated always as identity,
    debit_account text not null check (debit_account in
        ('receivable', 'rounding', 'revenue.recurring', 'revenue.one_off',
         'revenue.data_overage', 'revenue.voice_overage', 'revenue.sms_overage')),
    credit_account text not null check (credit_account in
        ('receivable', 'rounding', 'revenue.recurring', 'revenue.one_off',
         'revenue.data_overage', 'revenue.voice_overage', 'revenue.sms_overage')),
    amount numeric(20, 6) not null,
    at timestamptz not null,
    -- What it is for: a charge, the rounding of a bill, or the reversal of another transfer.
    charge_id bigint,
    rounding_month date,
    reverses_id bigint,
    -- Copy of the amount that is reversed, held equal by the foreign key below.
    reverses_amount numeric(20, 6),
    primary key (subscriber_id, transfer_id),
    constraint transfer_amount_positive check (amount > 0),
    constraint transfer_two_accounts check (debit_account <> credit_account),
    constraint transfer_names_its_cause check (num_nonnulls(charge_id, rounding_month, reverses_id) = 1),
    constraint transfer_charge foreign key (subscriber_id, charge_id) references charge,
    constraint transfer_charge_once unique (subscriber_id, charge_id),
    constraint transfer_rounding_once unique (subscriber_id, rounding_month),
    constraint transfer_reversal_key unique (subscriber_id, transfer_id, amount, debit_account, credit_account),
    -- A reversal runs the same way back: accounts swapped, at most once, never for more than it was.
    constraint transfer_reverses foreign key
        (subscriber_id, reverses_id, reverses_amount, credit_account, debit_account)
        references transfer (subscriber_id, transfer_id, amount, debit_account, credit_account),
    constraint transfer_reversed_once unique (subscriber_id, reverses_id),
    constraint transfer_reversal_within check (
        (reverses_id is null) = (reverses_amount is null)
        and (reverses_id is null or amount <= reverses_amount))
);
grant select, insert on transfer to mingbai_app;

-- 账单 One a subscriber and month, closed once. Append-only.
create table bill (
    subscriber_id bigint not null references subscriber,
    month date not null check (extract(day from month) = 1),
    -- Yuan: the sum of its lines' amounts.
    total numeric(20, 2) not null check (total >= 0),
    closed_at timestamptz not null,
    primary key (subscriber_id, month)
);
grant select, insert on bill to mingbai_app;

-- A line a kind, tariff and month of usage. Append-only.
create table bill_line (
    subscriber_id bigint not null,
    month date not null,
    line_no integer not null check (line_no >= 1),
    kind text not null check (kind in ('recurring', 'one_off', 'data_overage', 'voice_overage', 'sms_overage',
        'third_party', 'late_usage', 'adjustment')),
    scheme_id text not null,
    version integer not null,
    -- The month the charges of this line belong to; earlier than `month` for late usage.
    charge_month date not null,
    -- Bytes, seconds, messages; 1 for recurring and one-off; records for late usage.
    quantity bigint not null check (quantity > 0),
    exact numeric(20, 6) not null check (exact <> 0),
    -- Rounded half up to the fen.
    amount numeric(20, 2) not null,
    primary key (subscriber_id, month, line_no),
    foreign key (subscriber_id, month) references bill,
    foreign key (scheme_id, version) references tariff_version (scheme_id, version),
    constraint bill_line_once unique (subscriber_id, month, kind, scheme_id, version, charge_month),
    constraint bill_line_rounded check (amount = round(exact, 2)),
    constraint bill_line_month check (charge_month <= month and (kind = 'late_usage') = (charge_month < month))
);
grant select, insert on bill_line to mingbai_app;

-- Which charges make up a line; a charge is billed at most once. Append-only.
create table bill_line_charge (
    subscriber_id bigint not null,
    charge_id bigint not null,
    month date not null,
    line_no integer not null,
    primary key (subscriber_id, charge_id),
    foreign key (subscriber_id, charge_id) references charge,
    foreign key (subscriber_id, month, line_no) references bill_line
);
create index bill_line_charge_line on bill_line_charge (subscriber_id, month, line_no);
grant select, insert on bill_line_charge to mingbai_app;
