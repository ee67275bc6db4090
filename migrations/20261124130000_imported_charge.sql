-- 迁入的费用 What another system charged, brought here to be reviewed and returned. None of it is a `charge`: it stands on no bill
-- of ours, moves nothing in the books, and is never rated.

create table imported_charge (
    subscriber_id bigint not null references subscriber,
    imported_charge_id bigint generated always as identity,
    -- What makes a second import of it unchanged: the id that the other system gave it, or the digest of what the line says with
    -- its count among like lines of the file.
    source_id text not null check (length(source_id) between 1 and 160),
    -- What it was for, as `charge.kind`; 代扣 for another company: third_party.
    kind text not null check (kind in
        ('recurring', 'one_off', 'penalty', 'data_overage', 'voice_overage', 'sms_overage', 'third_party')),
    -- As it was given: that there is no such tariff is something to be found, not to be refused.
    scheme_id text not null check (length(scheme_id) between 1 and 64),
    -- Yuan, as it was paid.
    amount numeric(12, 2) not null check (amount > 0),
    charged_at timestamptz not null,
    -- The month that it was for.
    month date not null check (extract(day from month) = 1),
    -- How it was paid, and so how it goes back: with the bill, from the balance, by a payment of a gateway, through a platform.
    route text not null check (route in ('bill', 'balance', 'gateway', 'platform')),
    -- The gateway's number of the payment, or the name of the platform.
    route_reference text check (length(route_reference) between 1 and 128),
    -- Who or what placed the order there, in the other system's words; empty: it does not say.
    source text not null default '' check (length(source) <= 100),
    ordered_at timestamptz,
    -- When the subscriber had cancelled what it is for.
    cancelled_at timestamptz,
    -- 同意 What the other system has to show for it. Without it: nobody agreed.
    consent_method text check (consent_method in ('sms_reply', 'sms_code', 'signature')),
    consent_reference text check (length(consent_reference) between 1 and 200),
    consent_agreed_at timestamptz,
    -- Yuan that were agreed to, where the proof names them.
    consent_price numeric(12, 2) check (consent_price >= 0),
    imported_at timestamptz not null,
    -- When it was decided that this would be charged, as far as that is known: what came by one order of a system came at
    -- one time.
    decided_at timestamptz not null generated always as (coalesce(ordered_at, consent_agreed_at, charged_at)) stored,
    primary key (subscriber_id, imported_charge_id),
    constraint imported_charge_once unique (subscriber_id, source_id),
    -- What a refund must name: how much it was, and the way it was paid.
    constraint imported_charge_paid unique (subscriber_id, imported_charge_id, amount, route),
    constraint imported_charge_route check ((route in ('gateway', 'platform')) = (route_reference is not null)),
    constraint imported_charge_consent check (
        num_nonnulls(consent_method, consent_reference, consent_agreed_at) in (0, 3)
        and (consent_price is null or consent_method is not null))
);
-- What came after those that were reviewed.
create index imported_charge_arrival on imported_charge (imported_charge_id);
-- What is like it: the same tariff around the same time.
create index imported_charge_alike on imported_charge (scheme_id, decided_at);
-- The month of a subscriber, against cap and average.
create index imported_charge_month on imported_charge (subscriber_id, month);
grant select, insert on imported_charge to mingbai_app;
