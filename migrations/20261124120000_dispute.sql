-- 争议 Disputes: a subscriber says that a line of a bill is wrong. Until that is answered the line is not due.

create table dispute (
    subscriber_id bigint not null references subscriber,
    dispute_id bigint generated always as identity,
    -- The line, and what it charged: copied, and held equal by the foreign key.
    month date not null,
    line_no integer not null,
    line_amount numeric(20, 2) not null,
    -- received: an answer is due; asked: it waits for something that the subscriber knows; upheld, explained: answered;
    -- withdrawn: the subscriber took it back.
    state text not null default 'received' check (state in ('received', 'asked', 'upheld', 'explained', 'withdrawn')),
    -- 2 after it was reopened, which can be done once.
    round smallint not null default 1,
    opened_at timestamptz not null,
    -- When this round began, and by when it has to be answered.
    round_at timestamptz not null,
    due_at timestamptz not null,
    -- How late the lead was told that it is: 1 after ten days, 2 after thirteen.
    escalation smallint not null default 0,
    -- Whose case it is at the desk; NULL: nobody's yet.
    agent_id bigint references staff,
    -- What the evidence said when the round began, and the yuan to give back that it suggested.
    findings text[] not null check (cardinality(findings) > 0),
    suggested numeric(20, 2) not null,
    -- Yuan found due to the subscriber, of all rounds together.
    awarded numeric(20, 2) not null default 0,
    closed_at timestamptz,
    primary key (subscriber_id, dispute_id),
    -- What a refund that it ended with must name.
    constraint dispute_of_line unique (subscriber_id, dispute_id, month, line_no),
    constraint dispute_line foreign key (subscriber_id, month, line_no, line_amount)
        references bill_line (subscriber_id, month, line_no, amount),
    -- What was credited cannot be disputed.
    constraint dispute_of_a_charge check (line_amount > 0),
    -- Complaints are answered within 15 days, else the subscriber may go to the regulator.
    constraint dispute_due_in_15_days check (due_at = round_at + interval '15 days' and round_at >= opened_at),
    constraint dispute_two_rounds check (round between 1 and 2 and (round = 1 or round_at > opened_at)),
    constraint dispute_escalation check (escalation between 0 and 2),
    -- Never more than was charged, whatever was answered and however often.
    constraint dispute_award_within check (awarded >= 0 and awarded <= line_amount),
    constraint dispute_suggested_within check (suggested between 0 and line_amount),
    constraint dispute_upheld_awards check (state <> 'upheld' or awarded > 0),
    -- The first round alone makes it as if there had been none; the second leaves what the first gave.
    constraint dispute_withdrawn check (state <> 'withdrawn' or (round = 1 and awarded = 0)),
    constraint dispute_closed check ((closed_at is null) = (state in ('received', 'asked')) and closed_at >= round_at)
);
-- A line has one dispute, which is reopened; only one that was taken back makes room for another.
create unique index dispute_once on dispute (subscriber_id, month, line_no) where state <> 'withdrawn';
-- What the desk works through, the most urgent first.
create index dispute_waiting on dispute (due_at) where state in ('received', 'asked');
create index dispute_answered on dispute (closed_at) where closed_at is not null;
grant select, insert,
    update (state, round, round_at, due_at, escalation, agent_id, findings, suggested, awarded, closed_at)
    on dispute to mingbai_app;

-- What was found due goes back by a refund. Where that is rejected, the case is taken up again.
alter table refund
    add column dispute_id bigint,
    add constraint refund_dispute foreign key (subscriber_id, dispute_id, month, line_no)
        references dispute (subscriber_id, dispute_id, month, line_no),
    add constraint refund_dispute_of_line check (dispute_id is null or month is not null);

-- Every step of a dispute, as its owner reads it. Append-only.
create table dispute_event (
    subscriber_id bigint not null,
    dispute_id bigint not null,
    event_id bigint generated always as identity,
    what text not null check (what in
        ('opened', 'taken', 'asked', 'told', 'escalated', 'upheld', 'explained', 'withdrawn', 'reopened', 'refused')),
    round smallint not null check (round between 1 and 2),
    at timestamptz not null,
    -- subscriber, system, or staff: and the login, as everywhere.
    actor text not null,
    -- What the subscriber or the agent wrote, word for word; NULL: nothing.
    words text check (char_length(words) between 1 and 1000),
    -- Of an answer that gives something back: yuan of this answer alone. refused: so much of it was not let go.
    award numeric(20, 2),
    -- Of an escalation: how many days had gone.
    days smallint,
    -- refused: the answer whose refund was rejected. Of an answer: the rejection after which it is given; NULL: the first.
    after_id bigint,
    after_what text generated always as (
        case when after_id is null then null when what = 'refused' then 'upheld' else 'refused' end) stored,
    primary key (subscriber_id, dispute_id, event_id),
    foreign key (subscriber_id, dispute_id) references dispute,
    constraint dispute_event_what unique (subscriber_id, dispute_id, event_id, what),
    constraint dispute_event_after foreign key (subscriber_id, dispute_id, after_id, after_what)
        references dispute_event (subscriber_id, dispute_id, event_id, what),
    constraint dispute_event_after_named check (
        case what when 'refused' then after_id is not null when 'upheld' then true when 'explained' then true
        else after_id is null end),
    constraint dispute_event_actor check (case
        -- The subscriber's own steps.
        when what in ('opened', 'told', 'withdrawn', 'reopened') then actor = 'subscriber'
        when what = 'escalated' then actor = 'system'
        -- What is in the subscriber's favour can come about by itself; nobody is told no by a program.
        when what = 'upheld' then actor = 'system' or actor ~ '^staff:[a-z][a-z0-9._-]{2,40}$'
        else actor ~ '^staff:[a-z][a-z0-9._-]{2,40}$' end),
    constraint dispute_event_award check ((what in ('upheld', 'refused')) = (award is not null) and award > 0),
    constraint dispute_event_days check ((what = 'escalated') = (days is not null) and days in (10, 13)),
    -- Whoever asks, explains or rejects says something.
    constraint dispute_event_words check (what not in ('asked', 'told', 'explained', 'refused') or words is not null)
);
-- A round is answered once, and once more after each rejection of what was answered; and escalated once at each of its days.
create unique index dispute_answered_once on dispute_event (subscriber_id, dispute_id, round, after_id) nulls not distinct
    where what in ('upheld', 'explained');
create unique index dispute_refused_once on dispute_event (subscriber_id, dispute_id, after_id) where what = 'refused';
create unique index dispute_escalated_once on dispute_event (subscriber_id, dispute_id, round, days)
    where what = 'escalated';
grant select, insert on dispute_event to mingbai_app;

-- Whether one of the staff looked at a subscriber lately, with what reason, is asked of the trail.
create index audit_trail_subject on audit_trail (subject, entry_id);
