-- 首次扣费提醒 An SMS before the first charge of a monthly or pay-per-use service; until that charge, cancelling costs nothing.

-- One row a subscription that must be told of its first charge. What moved in from another system has none: it was charged
-- there before.
create table first_charge (
    subscriber_id bigint not null,
    subscription_id bigint not null,
    -- The month that is charged first: the one in which it begins.
    month date not null check (extract(day from month) = 1),
    -- When the reminder is due, and when it was put into the outbox.
    remind_at timestamptz not null,
    reminded_at timestamptz,
    -- What to reply to cancel; above the numbers of lists, and never given twice, so that it means one thing for good.
    reply_number integer check (reply_number > 100),
    primary key (subscriber_id, subscription_id),
    constraint first_charge_subscription foreign key (subscriber_id, subscription_id) references subscription,
    constraint first_charge_number_once unique (subscriber_id, reply_number),
    constraint first_charge_reminded check ((reminded_at is null) = (reply_number is null)),
    constraint first_charge_in_time check (reminded_at >= remind_at)
);
create index first_charge_queue on first_charge (remind_at, subscriber_id, subscription_id) where reminded_at is null;
-- Rows of what ended before there was anything to tell are removed.
grant select, insert, delete, update (reminded_at, reply_number) on first_charge to mingbai_app;

-- before_first_charge: cancelled when the first charge was announced and not made yet; costs nothing.
alter table subscription drop constraint subscription_end_reason_check;
alter table subscription add constraint subscription_end_reason_check check (
    end_reason in ('immediately', 'month_end', 'replaced', 'before_start', 'before_first_charge'));

-- Either a subscription was cancelled before its first charge, or charges name it: whoever comes second is refused by the key,
-- be it the bill, the rating of usage or the cancellation.
alter table subscription add column chargeable boolean not null
    generated always as (end_reason is distinct from 'before_first_charge') stored;
alter table charge drop constraint charge_subscription;
alter table subscription drop constraint subscription_offer;
alter table subscription add constraint subscription_offer unique
    (subscriber_id, subscription_id, scheme_id, version, recurring_price, one_off_price, chargeable);
alter table charge add column of_chargeable boolean not null default true check (of_chargeable);
alter table charge add constraint charge_subscription foreign key
    (subscriber_id, subscription_id, scheme_id, version, recurring_price, one_off_price, of_chargeable)
    references subscription
    (subscriber_id, subscription_id, scheme_id, version, recurring_price, one_off_price, chargeable);
