-- 在网要求 and 违约金 as data: what leaving early costs was public and agreed to, was told to the fen before, and is charged once.

alter table tariff_version
    -- The most that leaving early can cost, in yuan: a copy of what `terms` say, so that a subscription can name it by foreign key.
    -- Nobody who decides in the first month pays, and in the last month nothing is left.
    add column penalty_max numeric(12, 2) not null default 0,
    add constraint tariff_version_penalty_is_terms check (
        penalty_max = coalesce(case terms #>> '{commitment,penalty,model}'
            when 'remaining_months' then round(
                (terms #>> '{commitment,penalty,price}')::numeric * ((terms #>> '{commitment,months}')::numeric - 2)
                * coalesce((terms #>> '{commitment,penalty,percent}')::numeric, 100) / 100, 2)
            when 'used_months' then
                (terms #>> '{commitment,penalty,price}')::numeric * ((terms #>> '{commitment,months}')::numeric - 1)
            when 'fixed' then (terms #>> '{commitment,penalty,price}')::numeric
            when 'prorated' then round(
                (terms #>> '{commitment,penalty,price}')::numeric * ((terms #>> '{commitment,months}')::numeric - 2)
                / (terms #>> '{commitment,months}')::numeric, 2)
            end, 0)),
    -- A commitment has a penalty by one of the four formulas.
    add constraint tariff_version_commitment check (
        terms -> 'commitment' is null or coalesce(
            (terms #>> '{commitment,months}')::numeric between 3 and 60
            and terms #>> '{commitment,penalty,model}' in ('remaining_months', 'used_months', 'fixed', 'prorated')
            and (terms #>> '{commitment,penalty,price}')::numeric >= 0, false)),
    add constraint tariff_version_penalty unique (scheme_id, version, penalty_max);

alter table subscription
    -- The most that its end can cost: that of the tariff version which was agreed to.
    add column penalty_max numeric(12, 2) not null default 0,
    add constraint subscription_penalty_max foreign key (scheme_id, version, penalty_max)
        references tariff_version (scheme_id, version, penalty_max),
    -- What its end costs, in yuan, as it was told before the end was decided.
    add column penalty numeric(12, 2) not null default 0,
    add constraint subscription_penalty_within check (penalty between 0 and penalty_max),
    -- What goes on costs none, nor what ends before it began or before its first charge.
    add constraint subscription_penalty_of_end check (
        penalty = 0 or end_reason is not null and end_reason in ('immediately', 'month_end', 'replaced')),
    -- What a charge of it must name.
    add constraint subscription_penalty unique (subscriber_id, subscription_id, penalty);
grant update (penalty) on subscription to mingbai_app;

-- 违约金 A charge of its own, on the line of what is charged once.
alter table charge drop constraint charge_kind_check;
alter table charge add constraint charge_kind_check check (
    kind in ('recurring', 'one_off', 'penalty', 'data_overage', 'voice_overage', 'sms_overage'));
alter table charge
    -- Of a penalty: what was told. It cannot be changed once it is charged.
    add column penalty numeric(12, 2),
    add constraint charge_penalty_told check (
        (kind = 'penalty') = (penalty is not null) and (penalty is null or amount = penalty)),
    add constraint charge_penalty foreign key (subscriber_id, subscription_id, penalty)
        references subscription (subscriber_id, subscription_id, penalty);
create unique index charge_penalty_once on charge (subscriber_id, subscription_id) where kind = 'penalty';

alter table transfer drop constraint transfer_debit_account_check;
alter table transfer drop constraint transfer_credit_account_check;
alter table transfer
    add constraint transfer_debit_account_check check (debit_account in
        ('receivable', 'rounding', 'revenue.recurring', 'revenue.one_off', 'revenue.penalty',
         'revenue.data_overage', 'revenue.voice_overage', 'revenue.sms_overage')),
    add constraint transfer_credit_account_check check (credit_account in
        ('receivable', 'rounding', 'revenue.recurring', 'revenue.one_off', 'revenue.penalty',
         'revenue.data_overage', 'revenue.voice_overage', 'revenue.sms_overage'));

-- 违约金告知 What an SMS told that cancelling costs; the same number again within 24 hours cancels for that amount, if it ends no
-- later than was told. Append-only.
create table penalty_told (
    subscriber_id bigint not null,
    subscription_id bigint not null,
    told_at timestamptz not null,
    -- Yuan.
    amount numeric(12, 2) not null check (amount > 0),
    -- When it would have stopped.
    ends_at timestamptz not null,
    primary key (subscriber_id, subscription_id, told_at),
    foreign key (subscriber_id, subscription_id) references subscription
);
grant select, insert on penalty_told to mingbai_app;

alter table consent_request
    -- Of a change of plan: what leaving the present plan costs, in yuan, as the description says. The yes is for that amount.
    add column penalty numeric(12, 2) not null default 0 check (penalty >= 0),
    add constraint consent_request_penalty check (penalty = 0 or purpose = 'order');
