-- Messages: what leaves goes through the outbox, written in the transaction of its cause.

-- 提醒 The outbox, and the record of what was sent.
create table notice (
    subscriber_id bigint not null references subscriber,
    notice_id bigint generated always as identity,
    -- What it is about, as in the catalogue of templates.
    kind text not null check (kind <> ''),
    -- The event it tells of: one event, one notice.
    event_key text not null check (event_key <> ''),
    channel text not null default 'sms' check (channel in ('sms')),
    language text not null check (language in ('zh-CN', 'en')),
    body text not null check (body <> ''),
    created_at timestamptz not null,
    due_at timestamptz not null,
    state text not null default 'queued' check (state in ('queued', 'sent', 'given_up')),
    attempts integer not null default 0 check (attempts >= 0),
    sent_at timestamptz,
    last_error text,
    primary key (subscriber_id, notice_id),
    constraint notice_once unique (subscriber_id, event_key),
    constraint notice_sent check ((state = 'sent') = (sent_at is not null))
);
create index notice_queue on notice (due_at) where state = 'queued';
grant select, insert, update (state, attempts, due_at, sent_at, last_error) on notice to mingbai_app;

-- Messages that subscribers sent to 10086; the sender's id makes handling one twice impossible.
create table incoming_sms (
    subscriber_id bigint not null references subscriber,
    incoming_id bigint generated always as identity,
    message_id text not null check (message_id <> ''),
    body text not null check (length(body) <= 2000),
    received_at timestamptz not null,
    primary key (subscriber_id, incoming_id),
    constraint incoming_sms_once unique (subscriber_id, message_id)
);
grant select, insert on incoming_sms to mingbai_app;
