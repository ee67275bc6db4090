-- 短信 Sending by SMS for real: in which order, until when, in which parts, and what became of them.

alter table notice
    -- 0: somebody waits for it; 1: to be told at once; 2: one of very many, such as the bills of a month.
    add column urgency smallint not null default 1 check (urgency between 0 and 2),
    -- Of no use after then, like a code: it is given up rather than sent late.
    add column expires_at timestamptz,
    -- When the SMS centre told what became of it.
    add column settled_at timestamptz,
    add constraint notice_expires check (expires_at > created_at),
    drop constraint notice_state_check,
    -- sent: the SMS centre has taken all of it; delivered and undelivered: as the centre then told.
    add constraint notice_state_check check (state in ('queued', 'sent', 'delivered', 'undelivered', 'given_up')),
    drop constraint notice_sent,
    add constraint notice_sent check ((state in ('sent', 'delivered', 'undelivered')) = (sent_at is not null)),
    add constraint notice_settled check ((state in ('delivered', 'undelivered')) = (settled_at is not null));
-- What waits already: questions and codes whose time is long over when a channel comes.
update notice set urgency = 0, expires_at = created_at + interval '5 minutes' where state = 'queued' and kind = 'sign_in_code';
update notice set urgency = 0, expires_at = created_at + interval '10 minutes'
    where state = 'queued' and kind in ('order_request', 'cap_request');
update notice set urgency = 2 where state = 'queued' and kind = 'bill_ready';
drop index notice_queue;
create index notice_queue on notice (urgency, due_at, notice_id) where state = 'queued';
create index notice_queue_expires on notice (expires_at) where state = 'queued' and expires_at is not null;
grant update (settled_at) on notice to mingbai_app;

-- What the SMS centre has taken: such a part is never sent again. A message goes out in several where it is long.
create table notice_part (
    subscriber_id bigint not null,
    notice_id bigint not null,
    part smallint not null check (part between 1 and 16),
    -- By which the centre speaks of it, in one notation; empty where it gave none.
    message_id text not null check (length(message_id) <= 64),
    accepted_at timestamptz not null,
    -- NULL: the centre has not told yet.
    outcome text check (outcome in ('delivered', 'undelivered')),
    settled_at timestamptz,
    -- Why it did not arrive, in the centre's words.
    error text check (length(error) <= 500),
    primary key (subscriber_id, notice_id, part),
    constraint notice_part_notice foreign key (subscriber_id, notice_id) references notice,
    constraint notice_part_settled check ((outcome is null) = (settled_at is null)),
    constraint notice_part_error check (error is null or outcome = 'undelivered')
);
create index notice_part_message on notice_part (subscriber_id, message_id);
grant select, insert, update (outcome, settled_at, error) on notice_part to mingbai_app;

-- Receipts as they came, until they are matched with their parts: one may come before its part is stored as taken.
create table sms_receipt (
    subscriber_id bigint not null references subscriber,
    message_id text not null check (message_id <> '' and length(message_id) <= 64),
    -- The same id in the notations that centres use, decimal and hexadecimal.
    forms text[] not null check (cardinality(forms) between 1 and 3),
    outcome text not null check (outcome in ('delivered', 'undelivered')),
    error text check (length(error) <= 500),
    received_at timestamptz not null,
    primary key (subscriber_id, message_id)
);
grant select, insert, delete on sms_receipt to mingbai_app;

-- Deliveries to us that the SMS centre may repeat, because it may not know that we have them. While one is here, the same
-- message again is that delivery again.
create table incoming_sms_delivery (
    subscriber_id bigint not null references subscriber,
    -- SHA-256 of all that was delivered.
    digest bytea not null check (octet_length(digest) = 32),
    -- Under which it is handled, once.
    message_id text not null check (message_id <> ''),
    received_at timestamptz not null,
    -- NULL: the program may have been interrupted before all was done.
    handled_at timestamptz,
    primary key (subscriber_id, digest)
);
create index incoming_sms_delivery_received on incoming_sms_delivery (received_at);
grant select, insert, delete, update (handled_at) on incoming_sms_delivery to mingbai_app;

-- Parts of long messages to us, until all are there.
create table incoming_sms_part (
    subscriber_id bigint not null references subscriber,
    -- What the parts of one message have in common; phones count it up.
    reference integer not null check (reference between 0 and 65535),
    parts smallint not null check (parts between 2 and 16),
    part smallint not null check (part between 1 and parts),
    -- data_coding, as delivered.
    coding smallint not null,
    body bytea not null check (octet_length(body) <= 4096),
    received_at timestamptz not null,
    primary key (subscriber_id, reference, parts, part)
);
create index incoming_sms_part_received on incoming_sms_part (received_at);
grant select, insert, delete, update (coding, body, received_at) on incoming_sms_part to mingbai_app;
