-- 短信指令 What subscribers ask of 10086 by SMS.

-- 业务清单 A numbered list of services as it was sent (`0000`), so that a number means for a day what that list said,
-- whatever changed since. The newest list replaces the others. Append-only.
create table sms_list (
    subscriber_id bigint not null references subscriber,
    list_id bigint generated always as identity,
    sent_at timestamptz not null,
    primary key (subscriber_id, list_id)
);
grant select, insert on sms_list to mingbai_app;

-- What each number stands for. Append-only.
create table sms_list_item (
    subscriber_id bigint not null,
    list_id bigint not null,
    -- From 101 on, numbers are those of first-charge reminders.
    number integer not null check (number between 1 and 99),
    subscription_id bigint not null,
    primary key (subscriber_id, list_id, number),
    constraint sms_list_item_list foreign key (subscriber_id, list_id) references sms_list,
    constraint sms_list_item_subscription foreign key (subscriber_id, subscription_id) references subscription,
    constraint sms_list_item_once unique (subscriber_id, list_id, subscription_id)
);
grant select, insert on sms_list_item to mingbai_app;

-- 提醒开关 Messages that no rule requires, by topic, as far as the subscriber chose (`KTTX`, `QXTX`): without a row they are
-- sent.
create table notice_choice (
    subscriber_id bigint not null references subscriber,
    -- usage_share: half and four fifths of an allowance used, half of the cap.
    topic text not null check (topic in ('usage_share')),
    wanted boolean not null,
    chosen_at timestamptz not null,
    channel_id text not null references channel,
    primary key (subscriber_id, topic)
);
grant select, insert, update (wanted, chosen_at, channel_id) on notice_choice to mingbai_app;
