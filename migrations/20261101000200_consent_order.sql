-- Consent, orders, subscriptions: nothing without a yes.

-- What was asked of the subscriber, as sent (事前告知 and 事中确认). It becomes a consent, is refused, or expires.
create table consent_request (
    subscriber_id bigint not null references subscriber,
    request_id bigint generated always as identity,
    purpose text not null check (purpose in ('order', 'cap')),
    -- For an order: the version and its price.
    scheme_id text,
    version integer,
    recurring_price numeric(12, 2),
    one_off_price numeric(12, 2),
    -- For a cap: the new cap in yuan.
    cap numeric(12, 2),
    -- The exact text that was sent.
    description text not null check (description <> ''),
    channel_id text not null references channel,
    asked_at timestamptz not null,
    -- A yes counts for ten minutes.
    expires_at timestamptz not null,
    state text not null default 'open' check (state in ('open', 'agreed', 'refused', 'superseded')),
    primary key (subscriber_id, request_id),
    foreign key (scheme_id, version) references tariff_version (scheme_id, version),
    -- What a yes must name: the request as it was asked.
    constraint consent_request_order
        unique (subscriber_id, request_id, asked_at, scheme_id, version, recurring_price, one_off_price),
    constraint consent_request_cap unique (subscriber_id, request_id, asked_at, cap),
    constraint consent_request_ten_minutes check (expires_at = asked_at + interval '10 minutes'),
    constraint consent_request_subject check (
        case purpose
        when 'order' then num_nonnulls(scheme_id, version, recurring_price, one_off_price) = 4 and cap is null
        else num_nonnulls(scheme_id, version, recurring_price, one_off_price) = 0 and cap is not null end)
);
grant select, insert, update (state) on consent_request to mingbai_app;

-- 同意凭证 The proof of a yes: a hash chain per subscriber. Append-only.
-- `evidence` is the canonical JSON of everything that was shown and answered; the other columns repeat what keys refer
-- to, and a check holds them equal to it. `hash` is SHA-256 over the hash of the row before (nothing for the first)
-- followed by `evidence`, computed again by the database itself.
create table consent (
    subscriber_id bigint not null references subscriber,
    seq integer not null check (seq >= 1),
    purpose text not null check (purpose in ('order', 'cap')),
    scheme_id text,
    version integer,
    recurring_price numeric(12, 2),
    one_off_price numeric(12, 2),
    cap numeric(12, 2),
    method text not null check (method in ('sms_reply', 'sms_code', 'signature')),
    channel_id text not null references channel,
    asked_at timestamptz not null,
    agreed_at timestamptz not null,
    -- The request that was answered here; NULL for proof brought from another system, named by its reference there.
    request_id bigint,
    evidence bytea not null,
    previous_seq integer,
    previous_hash bytea,
    hash bytea not null,
    primary key (subscriber_id, seq),
    foreign key (scheme_id, version) references tariff_version (scheme_id, version),
    foreign key (subscriber_id, request_id) references consent_request,
    -- A yes is given once to a request, to what was asked there and nothing else, within ten minutes.
    constraint consent_request_once unique (subscriber_id, request_id),
    constraint consent_answers_order foreign key
        (subscriber_id, request_id, asked_at, scheme_id, version, recurring_price, one_off_price)
        references consent_request
        (subscriber_id, request_id, asked_at, scheme_id, version, recurring_price, one_off_price),
    constraint consent_answers_cap foreign key (subscriber_id, request_id, asked_at, cap)
        references consent_request (subscriber_id, request_id, asked_at, cap),
    constraint consent_in_time check (
        agreed_at >= asked_at and (request_id is null or agreed_at <= asked_at + interval '10 minutes')),
    constraint consent_names_its_proof check (
        request_id is not null or coalesce(convert_from(evidence, 'UTF8')::jsonb ->> 'reference', '') <> ''),
    constraint consent_hash_key unique (subscriber_id, seq, hash),
    constraint consent_chain foreign key (subscriber_id, previous_seq, previous_hash)
        references consent (subscriber_id, seq, hash),
    constraint consent_chain_step check (
        case when seq = 1 then previous_seq is null and previous_hash is null
        else previous_seq is not null and previous_hash is not null and previous_seq = seq - 1 end),
    constraint consent_hash check (hash = sha256(coalesce(previous_hash, ''::bytea) || evidence)),
    constraint consent_evidence_matches check (coalesce(
        convert_from(evidence, 'UTF8')::jsonb @> jsonb_build_object(
            'subscriber_id', subscriber_id, 'seq', seq, 'purpose', purpose, 'scheme_id', scheme_id,
            'version', version, 'recurring_price', recurring_price::text, 'one_off_price', one_off_price::text,
            'cap', cap::text, 'method', method, 'channel_id', channel_id)
        and (convert_from(evidence, 'UTF8')::jsonb ->> 'asked_at')::timestamptz = asked_at
        and (convert_from(evidence, 'UTF8')::jsonb ->> 'agreed_at')::timestamptz = agreed_at
        and convert_from(evidence, 'UTF8')::jsonb ->> 'description' <> ''
        and convert_from(evidence, 'UTF8')::jsonb ->> 'answer' <> '', false)),
    constraint consent_subject check (
        case purpose
        when 'order' then num_nonnulls(scheme_id, version, recurring_price, one_off_price) = 4 and cap is null
        else num_nonnulls(scheme_id, version, recurring_price, one_off_price) = 0 and cap is not null end),
    -- What an order must name: a yes to this version at this price.
    constraint consent_offer unique (subscriber_id, seq, scheme_id, version, recurring_price, one_off_price),
    -- What a raised cap must name.
    constraint consent_cap unique (subscriber_id, seq, cap)
);
grant select, insert on consent to mingbai_app;

-- 订购 (TM Forum's product order). Append-only: what happens afterwards happens to its subscription.
create table product_order (
    subscriber_id bigint not null references subscriber,
    order_id bigint generated always as identity,
    scheme_id text not null,
    version integer not null,
    tariff_published_at timestamptz not null,
    on_sale_from date not null,
    on_sale_until date not null,
    recurring_price numeric(12, 2) not null,
    one_off_price numeric(12, 2) not null,
    consent_seq integer not null,
    channel_id text not null references channel,
    ordered_at timestamptz not null,
    primary key (subscriber_id, order_id),
    constraint product_order_tariff foreign key
        (scheme_id, version, tariff_published_at, on_sale_from, on_sale_until, recurring_price, one_off_price)
        references tariff_version
        (scheme_id, version, published_at, on_sale_from, on_sale_until, recurring_price, one_off_price),
    constraint product_order_consent foreign key
        (subscriber_id, consent_seq, scheme_id, version, recurring_price, one_off_price)
        references consent (subscriber_id, seq, scheme_id, version, recurring_price, one_off_price),
    -- A yes makes one order.
    constraint product_order_consent_once unique (subscriber_id, consent_seq),
    -- Unpublished may not be sold (campaign 明白办、放心用, part 1), nor what is not on sale.
    constraint product_order_public check (ordered_at >= tariff_published_at),
    constraint product_order_on_sale check (
        (ordered_at at time zone 'Asia/Shanghai')::date between on_sale_from and on_sale_until),
    constraint product_order_offer unique
        (subscriber_id, order_id, scheme_id, version, recurring_price, one_off_price)
);
grant select, insert on product_order to mingbai_app;

-- 已订业务 What an order started.
create table subscription (
    subscriber_id bigint not null references subscriber,
    subscription_id bigint generated always as identity,
    order_id bigint not null,
    scheme_id text not null,
    version integer not null,
    -- Whether it is the one plan; every tariff that is not a plan counts as an add-on.
    kind text not null check (kind in ('plan', 'addon')),
    tariff_kind text not null,
    recurring_price numeric(12, 2) not null,
    one_off_price numeric(12, 2) not null,
    starts_at timestamptz not null,
    -- When it stops, once that is decided; NULL while it goes on. Equal to starts_at: cancelled before it began.
    ends_at timestamptz,
    -- How an end was asked for; `immediately` charges the days used, `month_end` and `replaced` the month in full.
    end_reason text check (end_reason in ('immediately', 'month_end', 'replaced', 'before_start')),
    primary key (subscriber_id, subscription_id),
    constraint subscription_order foreign key
        (subscriber_id, order_id, scheme_id, version, recurring_price, one_off_price)
        references product_order (subscriber_id, order_id, scheme_id, version, recurring_price, one_off_price),
    constraint subscription_tariff_kind foreign key (scheme_id, version, tariff_kind)
        references tariff_version (scheme_id, version, kind),
    constraint subscription_kind_is_tariffs check ((kind = 'plan') = (tariff_kind = 'plan')),
    constraint subscription_order_once unique (subscriber_id, order_id),
    constraint subscription_offer unique
        (subscriber_id, subscription_id, scheme_id, version, recurring_price, one_off_price),
    constraint subscription_period check (ends_at is null or ends_at >= starts_at),
    constraint subscription_end_reason check ((ends_at is null) = (end_reason is null)),
    -- One plan at a time: the overage terms of a moment are those of one plan.
    constraint subscription_one_plan exclude using gist
        (subscriber_id with =, tstzrange(starts_at, ends_at) with &&) where (kind = 'plan')
);
grant select, insert, update (ends_at, end_reason) on subscription to mingbai_app;

-- Every step of a subscription: who, when, by which channel. Append-only.
create table subscription_event (
    subscriber_id bigint not null,
    event_id bigint generated always as identity,
    subscription_id bigint not null,
    what text not null check (what in ('activated', 'cancel_asked', 'cancel_undone', 'replaced')),
    at timestamptz not null,
    -- From when the step has effect.
    effective_at timestamptz not null,
    channel_id text not null references channel,
    primary key (subscriber_id, event_id),
    foreign key (subscriber_id, subscription_id) references subscription
);
create index subscription_event_of on subscription_event (subscriber_id, subscription_id);
grant select, insert on subscription_event to mingbai_app;
