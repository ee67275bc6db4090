-- 手机代扣费 What is collected on the bill for others: an order like any other, for an item of a platform at its published price, and
-- never without the same proof of consent.

-- The platforms for whom is collected: a reference table.
create table platform (
    platform_id text primary key check (platform_id ~ '^[a-z][a-z0-9_]{1,30}$'),
    name_zh text not null check (char_length(name_zh) between 1 and 40),
    name_en text not null check (char_length(name_en) between 1 and 80)
);
grant select, insert on platform to mingbai_app;

-- 计费点 What a platform sells: a tariff on public display, as everything that is charged for.
create table platform_item (
    platform_id text not null references platform,
    scheme_id text not null unique references tariff,
    primary key (platform_id, scheme_id)
);
grant select, insert on platform_item to mingbai_app;

-- What a platform asked for; it becomes a charge when its owner agrees. Append-only.
create table third_party_request (
    subscriber_id bigint not null,
    -- The question that its owner was sent.
    request_id bigint not null,
    platform_id text not null references platform,
    -- The platform's own number of it: asked for and charged once.
    reference text not null check (char_length(reference) between 1 and 64),
    primary key (subscriber_id, request_id),
    foreign key (subscriber_id, request_id) references consent_request
);
grant select, insert on third_party_request to mingbai_app;

-- Append-only.
create table third_party_charge (
    subscriber_id bigint not null references subscriber,
    third_party_charge_id bigint generated always as identity,
    platform_id text not null,
    reference text not null check (char_length(reference) between 1 and 64),
    -- The item, at the price that was public and agreed to.
    scheme_id text not null,
    version integer not null,
    recurring_price numeric(12, 2) not null check (recurring_price = 0),
    amount numeric(12, 2) not null check (amount > 0),
    order_id bigint not null,
    charged_at timestamptz not null,
    primary key (subscriber_id, third_party_charge_id),
    constraint third_party_charge_item foreign key (platform_id, scheme_id) references platform_item,
    -- An order has a consent of the same subscriber for this item at this price, used once.
    constraint third_party_charge_order foreign key
        (subscriber_id, order_id, scheme_id, version, recurring_price, amount)
        references product_order (subscriber_id, order_id, scheme_id, version, recurring_price, one_off_price),
    constraint third_party_charge_order_once unique (subscriber_id, order_id),
    constraint third_party_charge_once unique (subscriber_id, platform_id, reference),
    -- What a charge must name.
    constraint third_party_charge_amount unique (subscriber_id, third_party_charge_id, scheme_id, version, amount)
);
grant select, insert on third_party_charge to mingbai_app;

alter table charge drop constraint charge_kind_check;
alter table charge
    alter column subscription_id drop not null,
    add column third_party_charge_id bigint,
    add constraint charge_kind_check check (kind in
        ('recurring', 'one_off', 'penalty', 'data_overage', 'voice_overage', 'sms_overage', 'third_party')),
    -- A charge is of a subscription, or collected for a platform.
    add constraint charge_of_subscription check ((kind = 'third_party') = (subscription_id is null)),
    add constraint charge_of_third_party check ((kind = 'third_party') = (third_party_charge_id is not null)),
    add constraint charge_third_party foreign key (subscriber_id, third_party_charge_id, scheme_id, version, amount)
        references third_party_charge (subscriber_id, third_party_charge_id, scheme_id, version, amount);
create unique index charge_third_party_once on charge (subscriber_id, third_party_charge_id) where kind = 'third_party';
