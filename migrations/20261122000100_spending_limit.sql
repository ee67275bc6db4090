-- 消费限额 Network functions that follow the state of a subscriber's cap (Nchf_SpendingLimitControl, TS 29.594).

create table spending_limit_subscription (
    subscriber_id bigint not null references subscriber,
    -- Also its address, which nobody guesses.
    spending_limit_id text not null check (spending_limit_id ~ '^[0-9a-f]{32}$'),
    -- notifUri: notifications go to the address /notify below it. Network functions, not browsers, are reached there.
    notif_uri text not null check (notif_uri ~ '^https?://[^/?#@]+(/[^?#]*)?$' and length(notif_uri) <= 1024),
    -- notifId and supi are told back to whoever gave them.
    notif_id text check (length(notif_id) <= 256),
    supi text check (supi <> '' and length(supi) <= 256),
    created_at timestamptz not null,
    -- NULL: it ends when it is deleted.
    expires_at timestamptz check (expires_at > created_at),
    -- What its owner knows, or will by the outbox: the state of the cap in a month, and what it becomes when that ends.
    month date not null check (extract(day from month) = 1),
    status text not null check (status in ('ok', 'half', 'near', 'reached')),
    next_status text not null check (next_status in ('ok', 'half', 'near', 'reached')),
    -- When to look again without usage: it expires, the month or an allowance ends, or a plan begins or ends.
    review_at timestamptz not null,
    primary key (subscriber_id, spending_limit_id)
);
create index spending_limit_subscription_review on spending_limit_subscription (review_at);
-- Subscriptions are no evidence; they are removed when they end.
grant select, insert, delete, update (notif_uri, notif_id, supi, expires_at, month, status, next_status, review_at)
    on spending_limit_subscription to mingbai_app;

-- The outbox: a state to be told, written in the transaction that changed it.
create table spending_limit_notification (
    subscriber_id bigint not null,
    spending_limit_id text not null,
    -- In the order in which the states came about, and the key by which a repetition is recognised.
    notification_id bigint generated always as identity,
    month date not null check (extract(day from month) = 1),
    status text not null check (status in ('ok', 'half', 'near', 'reached')),
    next_status text not null check (next_status in ('ok', 'half', 'near', 'reached')),
    created_at timestamptz not null,
    due_at timestamptz not null,
    -- superseded: a newer state came about before this one was told.
    state text not null default 'queued' check (state in ('queued', 'sent', 'superseded')),
    attempts integer not null default 0 check (attempts >= 0),
    settled_at timestamptz,
    last_error text check (length(last_error) <= 500),
    primary key (subscriber_id, spending_limit_id, notification_id),
    constraint spending_limit_notification_subscription foreign key (subscriber_id, spending_limit_id)
        references spending_limit_subscription,
    constraint spending_limit_notification_settled check ((state = 'queued') = (settled_at is null))
);
-- Only the newest state of a subscription waits to be told.
create unique index spending_limit_notification_newest
    on spending_limit_notification (subscriber_id, spending_limit_id) where state = 'queued';
create index spending_limit_notification_queue on spending_limit_notification (due_at) where state = 'queued';
create index spending_limit_notification_settled_at on spending_limit_notification (settled_at) where state <> 'queued';
grant select, insert, delete, update (state, attempts, due_at, settled_at, last_error)
    on spending_limit_notification to mingbai_app;
