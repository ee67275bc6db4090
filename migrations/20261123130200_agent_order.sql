-- Orders that come in through agents' channels. What comes is a wish to ask; the subscriber is asked by us and answers us.

-- Every signed request of a channel, by the key that makes it count once. No subscriber is in it: those that were refused leave
-- nothing about whoever they named. Append-only.
create table agent_order (
    agent_channel_id text not null references agent_channel,
    -- The id of the message, the same when it is sent again.
    order_key text not null check (char_length(order_key) between 1 and 100),
    -- SHA-256 of the request: the same key with another request is a mistake, not a repetition.
    body_digest bytea not null check (octet_length(body_digest) = 32),
    -- As it was asked for.
    scheme_id text not null check (char_length(scheme_id) <= 20),
    received_at timestamptz not null,
    -- asked: the subscriber was. not_available: within the scope, and cannot be ordered for this number. Others: beyond the scope.
    outcome text not null check (outcome in
        ('asked', 'tariff', 'region', 'not_started', 'expired', 'suspended', 'ended', 'not_available')),
    primary key (agent_channel_id, order_key),
    constraint agent_order_outcome unique (agent_channel_id, order_key, outcome)
);
create index agent_order_counts on agent_order (agent_channel_id, outcome);
grant select, insert on agent_order to mingbai_app;

-- Who wanted it ordered may be a channel.
alter table consent_request
    drop constraint consent_request_asked_by,
    add constraint consent_request_asked_by check (
        asked_by = 'subscriber' or asked_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$' or asked_by ~ '^channel:QD[0-9]{6}$'),
    -- Only by its own way, and nothing else comes that way.
    add constraint consent_request_by_channel check ((asked_by ~ '^channel:') = (channel_id = 'agent')),
    -- What a question of a channel must name.
    add constraint consent_request_way unique (subscriber_id, request_id, scheme_id, asked_at, asked_by);
alter table consent
    -- What an order of a channel must name. No answer is given by a channel: it is the subscriber's own.
    add constraint consent_of_request unique (subscriber_id, seq, request_id),
    add constraint consent_not_by_channel check (channel_id <> 'agent');
alter table product_order
    add constraint product_order_not_by_channel check (channel_id <> 'agent'),
    add constraint product_order_made unique (subscriber_id, order_id, consent_seq, scheme_id, ordered_at);

-- The questions that a channel had us ask: each within a scope that was approved, on one of its days. Append-only.
create table agent_request (
    subscriber_id bigint not null,
    request_id bigint not null,
    agent_channel_id text not null,
    order_key text not null,
    version integer not null,
    scheme_id text not null,
    -- Of the scope: the subscriber's, or 全国.
    region text not null,
    valid_from date not null,
    valid_until date not null,
    asked_at timestamptz not null,
    asked_by text not null,
    outcome text not null default 'asked' check (outcome = 'asked'),
    primary key (subscriber_id, request_id),
    constraint agent_request_asked_by check (asked_by = 'channel:' || agent_channel_id),
    constraint agent_request_question foreign key (subscriber_id, request_id, scheme_id, asked_at, asked_by)
        references consent_request (subscriber_id, request_id, scheme_id, asked_at, asked_by),
    constraint agent_request_order foreign key (agent_channel_id, order_key, outcome)
        references agent_order (agent_channel_id, order_key, outcome),
    constraint agent_request_once unique (subscriber_id, agent_channel_id, order_key),
    constraint agent_request_scope
        foreign key (agent_channel_id, version, scheme_id, region, valid_from, valid_until)
        references agent_channel_scope (agent_channel_id, version, scheme_id, region, valid_from, valid_until),
    constraint agent_request_in_scope_days check (
        (asked_at at time zone 'Asia/Shanghai')::date between valid_from and valid_until),
    constraint agent_request_key unique
        (subscriber_id, request_id, agent_channel_id, version, scheme_id, region, valid_from, valid_until)
);
grant select, insert on agent_request to mingbai_app;

-- The orders that came of them: the same subscriber's yes to that question, within the same scope, on one of its days. Append-only.
create table agent_sale (
    subscriber_id bigint not null,
    order_id bigint not null,
    request_id bigint not null,
    consent_seq integer not null,
    agent_channel_id text not null,
    version integer not null,
    scheme_id text not null,
    region text not null,
    valid_from date not null,
    valid_until date not null,
    ordered_at timestamptz not null,
    primary key (subscriber_id, order_id),
    constraint agent_sale_order foreign key (subscriber_id, order_id, consent_seq, scheme_id, ordered_at)
        references product_order (subscriber_id, order_id, consent_seq, scheme_id, ordered_at),
    constraint agent_sale_consent foreign key (subscriber_id, consent_seq, request_id)
        references consent (subscriber_id, seq, request_id),
    constraint agent_sale_question foreign key
        (subscriber_id, request_id, agent_channel_id, version, scheme_id, region, valid_from, valid_until)
        references agent_request
        (subscriber_id, request_id, agent_channel_id, version, scheme_id, region, valid_from, valid_until),
    constraint agent_sale_in_scope_days check (
        (ordered_at at time zone 'Asia/Shanghai')::date between valid_from and valid_until)
);
create index agent_sale_channel on agent_sale (agent_channel_id);
grant select, insert on agent_sale to mingbai_app;
