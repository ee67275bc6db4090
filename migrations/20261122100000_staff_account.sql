-- 工作人员 Accounts of the operator's people: password and a second factor (TOTP, RFC 6238), several roles, and sessions
-- that cannot outlive what they were opened with.

alter table staff
    drop column role,
    drop column active,
    -- NULL: not enrolled yet, or reset; then nothing lets anybody in.
    alter column password drop not null,
    -- Who made the account; NULL: a command of the operator's engineer.
    add column created_by bigint references staff,
    -- The TOTP secret, sealed with a key that is not in the database, so that a copy of the table signs nobody in.
    add column totp_secret bytea,
    -- The time step of the last code that was accepted: no code counts twice (RFC 6238, section 5.2).
    add column totp_step bigint,
    -- Since when the account lets nobody in.
    add column blocked_at timestamptz,
    -- NULL: a command of the operator's engineer.
    add column blocked_by bigint references staff,
    -- Grows with every password, role, block and reset: sessions of before are none of this account any more.
    add column session_epoch integer not null default 1 check (session_epoch > 0),
    -- What a session must name. NULL while nobody may be signed in.
    add column open_epoch integer generated always as (
        case when blocked_at is null and password is not null then session_epoch end
    ) stored,
    add constraint staff_name check (char_length(name) between 1 and 40),
    add constraint staff_two_factors check ((password is null) = (totp_secret is null)),
    add constraint staff_blocked_by check (blocked_at is not null or blocked_by is null),
    add constraint staff_made_by_another check (created_by <> staff_id),
    add constraint staff_blocked_by_another check (blocked_by <> staff_id),
    add constraint staff_open unique (staff_id, open_epoch);
grant update (totp_secret, totp_step, blocked_at, blocked_by, session_epoch) on staff to mingbai_app;

-- What a person may do. Nobody gives a role to himself.
create table staff_role (
    staff_id bigint not null references staff,
    role text not null
        check (role in ('tariff_manager', 'tariff_approver', 'agent', 'agent_lead', 'auditor', 'administrator')),
    -- NULL: a command of the operator's engineer.
    granted_by bigint references staff,
    granted_at timestamptz not null,
    primary key (staff_id, role),
    constraint staff_role_by_another check (granted_by <> staff_id)
);
grant select, insert, delete on staff_role to mingbai_app;

-- A link by which a person chooses the password and sets up the second factor, once. The link itself is not stored: it is
-- the number of the row with a code that only holders of the key can make.
create table staff_enrolment (
    enrolment_id bigint generated always as identity primary key,
    staff_id bigint not null references staff,
    -- NULL: a command of the operator's engineer.
    issued_by bigint references staff,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    -- What becomes the account's TOTP secret, sealed like that.
    totp_secret bytea not null,
    used_at timestamptz,
    constraint staff_enrolment_by_another check (issued_by <> staff_id),
    constraint staff_enrolment_three_days check (expires_at = issued_at + interval '3 days'),
    constraint staff_enrolment_in_time check (used_at between issued_at and expires_at)
);
create index staff_enrolment_staff on staff_enrolment (staff_id, enrolment_id);
grant select, insert, update (used_at) on staff_enrolment to mingbai_app;

-- Browsers in which somebody of the staff is signed in, found by the SHA-256 of the cookie. A row names the epoch that is
-- open: as long as there is one, its account can neither be blocked nor be given another password, so whoever does that has
-- to end the sessions, and none can be opened with what was true before.
create table staff_session (
    session_hash bytea primary key check (octet_length(session_hash) = 32),
    staff_id bigint not null,
    epoch integer not null,
    -- password: the first factor was right, and nothing is open but the question for the second.
    state text not null check (state in ('password', 'complete')),
    address inet not null,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    constraint staff_session_open foreign key (staff_id, epoch) references staff (staff_id, open_epoch),
    -- However busy: a working day, and not the next one.
    constraint staff_session_day check (last_seen_at between created_at and created_at + interval '12 hours'),
    constraint staff_session_second_factor_soon
        check (state = 'complete' or last_seen_at <= created_at + interval '5 minutes')
);
create index staff_session_staff on staff_session (staff_id);
create index staff_session_age on staff_session (last_seen_at);
grant select, insert, delete, update (last_seen_at) on staff_session to mingbai_app;

-- The trail says as what somebody acted, and from where; both are gone from the account when they are looked for.
alter table audit_trail
    -- The roles at that moment.
    add column staff_roles text[],
    -- Where the request came from; NULL: no request.
    add column address inet,
    add constraint audit_trail_who check ((staff_id is null) = (staff_roles is null)),
    add constraint audit_trail_where check (staff_id is null or address is not null),
    -- Whoever could open or widen his own account would need nobody else.
    add constraint audit_trail_not_oneself check (
        action not in ('staff.add', 'staff.roles', 'staff.block', 'staff.unblock', 'staff.reset')
        or subject <> 'staff/' || staff_id
    );
create index audit_trail_staff on audit_trail (staff_id, entry_id);
create index audit_trail_action on audit_trail (action, entry_id);
create index audit_trail_at on audit_trail (at);
