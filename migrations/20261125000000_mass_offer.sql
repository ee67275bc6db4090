-- 批量征询 What would change for many: another plan, another price, a gift. There is no way to change anything of a subscriber
-- without his yes, so a change of many is a question to each of them, sent slowly, which two people answer for.

create table mass_offer (
    mass_offer_id bigint generated always as identity primary key,
    -- Why, as colleagues and auditors read it.
    purpose text not null check (char_length(purpose) between 1 and 200),
    -- What each is asked to agree to.
    scheme_id text not null,
    version integer not null,
    -- Whom: all who have this tariff (NULL: everybody), and live there (NULL: anywhere).
    holds_scheme_id text references tariff,
    region text check (char_length(region) between 1 and 40),
    -- Questions an hour at most.
    per_hour integer not null check (per_hour between 1 and 20000),
    -- It stops by itself when so many percent of the answers are a no …
    stop_refused_percent integer not null check (stop_refused_percent between 1 and 100),
    -- … or so many of those who were asked complain.
    stop_complaints integer not null check (stop_complaints between 1 and 1000),
    asked_by text not null check (asked_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    -- When it was asked for, and the list of its subscribers frozen.
    asked_at timestamptz not null,
    -- Yes or no of somebody else; withdrawn: who asked took it back before.
    decision text check (decision in ('approved', 'rejected', 'withdrawn')),
    decided_by text check (decided_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    decided_at timestamptz,
    comment text not null default '' check (char_length(comment) <= 500),
    -- Stopped, by somebody or by itself, until somebody lets it go on.
    halted_at timestamptz,
    halted_by text check (halted_by = 'system' or halted_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    halt text check (halt in ('staff', 'refusals', 'complaints', 'findings', 'offer_changed')),
    -- Everybody was asked or passed over, or somebody ended it.
    ended_at timestamptz,
    -- What a question to a subscriber must name: NULL until it is approved.
    approved_id bigint generated always as (case when decision = 'approved' then mass_offer_id end) stored,
    foreign key (scheme_id, version) references tariff_version (scheme_id, version),
    constraint mass_offer_approved unique (approved_id),
    constraint mass_offer_pace unique (mass_offer_id, per_hour),
    constraint mass_offer_decided check (
        num_nonnulls(decision, decided_by, decided_at) in (0, 3) and decided_at >= asked_at),
    -- No one approves his own work, and only who asked takes it back.
    constraint mass_offer_by_another check ((decision = 'withdrawn') = (decided_by = asked_by)),
    -- Whoever says no says why.
    constraint mass_offer_rejected_why check (decision <> 'rejected' or comment <> ''),
    constraint mass_offer_halted check (
        num_nonnulls(halted_at, halted_by, halt) in (0, 3) and (halt = 'staff') = (halted_by <> 'system')
        and (halted_at is null or coalesce(decision = 'approved', false))),
    constraint mass_offer_ended check (ended_at is null or coalesce(decision = 'approved', false))
);
create index mass_offer_running on mass_offer (mass_offer_id)
    where decision = 'approved' and halted_at is null and ended_at is null;
grant select, insert,
    update (decision, decided_by, decided_at, comment, halted_at, halted_by, halt, ended_at) on mass_offer to mingbai_app;

-- How many were asked in an hour, of which the pace allows no more.
create table mass_offer_hour (
    mass_offer_id bigint not null,
    hour timestamptz not null check (hour = date_trunc('hour', hour)),
    per_hour integer not null,
    asked integer not null check (asked > 0),
    primary key (mass_offer_id, hour),
    foreign key (mass_offer_id, per_hour) references mass_offer (mass_offer_id, per_hour),
    constraint mass_offer_hour_pace check (asked <= per_hour)
);
grant select, insert, update (asked) on mass_offer_hour to mingbai_app;

-- Each subscriber of the frozen list.
create table mass_offer_target (
    subscriber_id bigint not null references subscriber,
    mass_offer_id bigint not null references mass_offer,
    -- excluded: not to be asked, as was seen when the list was made, or because somebody took the number out. passed_over: when the
    -- turn came, it could not be offered any more.
    state text not null check (state in ('waiting', 'asked', 'excluded', 'passed_over')),
    reason text check (reason in ('has_it', 'plan_waiting', 'region', 'asked_lately', 'taken_out', 'refused', 'limit')),
    -- The tariff of the list that he has, or his plan, for the comparison of prices; NULL: none.
    present_scheme_id text,
    present_version integer,
    -- The question, whose answer is in the consent.
    request_id bigint,
    asked_at timestamptz,
    approved_id bigint references mass_offer (approved_id),
    primary key (subscriber_id, mass_offer_id),
    foreign key (present_scheme_id, present_version) references tariff_version (scheme_id, version),
    constraint mass_offer_target_request foreign key (subscriber_id, request_id) references consent_request,
    constraint mass_offer_target_request_once unique (subscriber_id, request_id),
    -- Nobody is asked before somebody else has approved it.
    constraint mass_offer_target_approved check (
        (state = 'asked') = (request_id is not null) and num_nonnulls(request_id, asked_at, approved_id) in (0, 3)
        and (approved_id is null or approved_id = mass_offer_id)),
    constraint mass_offer_target_reason check ((state in ('excluded', 'passed_over')) = (reason is not null))
);
create index mass_offer_target_waiting on mass_offer_target (mass_offer_id, subscriber_id) where state = 'waiting';
create index mass_offer_target_asked on mass_offer_target (mass_offer_id, asked_at) where state = 'asked';
grant select, insert, update (state, reason, request_id, asked_at, approved_id) on mass_offer_target to mingbai_app;
