-- 下架计划 Fewer plans: one of the staff chooses what shall no longer be sold and from when on, another approves it. Whoever is
-- subscribed keeps what he has, and is told so once.

create table withdrawal_plan (
    plan_id bigint generated always as identity primary key,
    -- How many tariffs it takes off sale: no more can be put into it once it is written.
    tariffs integer not null check (tariffs between 1 and 100),
    -- The instant from which on none of them is sold.
    withdraw_at timestamptz not null,
    -- Why, for whoever approves it and for the public.
    reason text not null check (char_length(reason) between 1 and 500),
    asked_by bigint not null references staff,
    asked_at timestamptz not null,
    state text not null default 'open' check (state in ('open', 'approved', 'refused', 'taken_back')),
    decided_by bigint references staff,
    decided_at timestamptz,
    -- What the second person said, where the answer was no.
    answer text check (char_length(answer) between 1 and 500),
    -- What a withdrawal must name; NULL as long as nobody approved.
    approved_by bigint generated always as (case when state = 'approved' then decided_by end) stored,
    constraint withdrawal_plan_size unique (plan_id, tariffs),
    constraint withdrawal_plan_approved unique (plan_id, withdraw_at, reason, asked_by, approved_by),
    -- No one approves his own work. What he asked for, nobody but himself takes back.
    constraint withdrawal_plan_by_another check ((state = 'taken_back') = (decided_by = asked_by)),
    constraint withdrawal_plan_decided check ((state = 'open') = (decided_by is null) and (state = 'open') = (decided_at is null)),
    constraint withdrawal_plan_refused check (answer is null or state = 'refused'),
    -- Sales stop ahead, never in the past.
    constraint withdrawal_plan_ahead check (withdraw_at > asked_at and (state <> 'approved' or withdraw_at > decided_at))
);
create index withdrawal_plan_state on withdrawal_plan (state, plan_id);
grant select, insert, update (state, decided_by, decided_at, answer) on withdrawal_plan to mingbai_app;

-- What a plan takes off sale, with its effect as it was shown to both.
create table withdrawal_plan_tariff (
    plan_id bigint not null,
    tariffs integer not null,
    place integer not null,
    scheme_id text not null references tariff,
    -- Yuan a month, as it was sold.
    price numeric(12, 2) not null check (price >= 0),
    -- What they could have instead, and yuan a month for that; NULL: nothing on sale is like it.
    instead text references tariff,
    instead_price numeric(12, 2) check (instead_price >= 0),
    -- Subscribers who had it, and yuan a month from them.
    subscribers bigint not null check (subscribers >= 0),
    monthly numeric(14, 2) not null check (monthly >= 0),
    -- The last subscriber who has it and was told, in their order; and when everybody had been.
    told_up_to bigint,
    told_at timestamptz,
    primary key (plan_id, scheme_id),
    constraint withdrawal_plan_tariff_of foreign key (plan_id, tariffs) references withdrawal_plan (plan_id, tariffs),
    constraint withdrawal_plan_tariff_place unique (plan_id, place),
    constraint withdrawal_plan_tariff_counted check (place between 1 and tariffs),
    constraint withdrawal_plan_tariff_another check (instead <> scheme_id),
    constraint withdrawal_plan_tariff_instead check ((instead is null) = (instead_price is null))
);
grant select, insert, update (told_up_to, told_at) on withdrawal_plan_tariff to mingbai_app;

alter table tariff_withdrawal
    -- What it follows from, who asked for it and who approved it.
    add column plan_id bigint,
    add column asked_by bigint references staff,
    add column approved_by bigint references staff,
    add constraint tariff_withdrawal_plan foreign key (plan_id, scheme_id)
        references withdrawal_plan_tariff (plan_id, scheme_id),
    -- As it was approved: at that time, for that reason, by those two. A plan that is approved cannot be undone any more.
    add constraint tariff_withdrawal_approved foreign key (plan_id, withdrawn_at, reason, asked_by, approved_by)
        references withdrawal_plan (plan_id, withdraw_at, reason, asked_by, approved_by),
    -- No one approves his own work.
    add constraint tariff_withdrawal_by_another check (asked_by <> approved_by),
    -- Rows of before name nobody.
    add constraint tariff_withdrawal_whole check (num_nonnulls(plan_id, asked_by, approved_by) = 3) not valid;

-- Who has a tariff: for the board of what is on sale, and to tell them.
create index subscription_scheme on subscription (scheme_id, subscriber_id);
