-- 资费起草与审批 What our own operator puts on public display was approved by somebody who had no hand in writing it, is public before
-- it can be ordered, and says to the letter what was approved.

-- Who brings tariffs in from files: a command of the operator's engineer (`mingbai tariffs import`). What the server does by itself
-- may not call itself imported, and so needs an approval.
do $$
begin
    if not exists (select from pg_roles where rolname = 'mingbai_import') then
        create role mingbai_import nologin;
    end if;
    execute format('grant mingbai_import to %I', current_user);
end
$$;
grant mingbai_app to mingbai_import;

-- 草稿 A tariff that somebody works on; what it says stands in its revisions.
create table tariff_draft (
    draft_id bigint generated always as identity primary key,
    -- The version that it changes, or whose text it began with; NULL: a blank form.
    base_scheme_id text,
    base_version integer,
    created_by bigint not null references staff,
    created_at timestamptz not null,
    -- Thrown away; its revisions stay.
    discarded_at timestamptz,
    discarded_by bigint references staff,
    foreign key (base_scheme_id, base_version) references tariff_version (scheme_id, version),
    constraint tariff_draft_base check ((base_scheme_id is null) = (base_version is null)),
    constraint tariff_draft_discarded check ((discarded_at is null) = (discarded_by is null))
);
grant select, insert, update (discarded_at, discarded_by) on tariff_draft to mingbai_app;

-- Every time a draft was saved. Append-only: of two who save over the same revision, the second is refused by the primary key.
-- `authors` is everybody who wrote in it until then; a revision names the one before, and nobody drops out.
create table tariff_draft_revision (
    draft_id bigint not null references tariff_draft,
    revision integer not null check (revision between 1 and 10000),
    -- The form as it was typed, half finished or wrong.
    form jsonb not null check (jsonb_typeof(form) = 'object'),
    authors bigint[] not null,
    written_by bigint not null references staff,
    written_at timestamptz not null,
    previous_revision integer,
    previous_authors bigint[],
    primary key (draft_id, revision),
    constraint tariff_draft_authors unique (draft_id, revision, authors),
    constraint tariff_draft_chain foreign key (draft_id, previous_revision, previous_authors)
        references tariff_draft_revision (draft_id, revision, authors),
    constraint tariff_draft_chain_step check (
        case when revision = 1 then previous_revision is null and previous_authors is null
        else previous_revision is not null and previous_authors is not null
            and previous_revision = revision - 1 and authors @> previous_authors end),
    -- A NULL among them would be nobody, and whom nothing is compared with.
    constraint tariff_draft_authors_known check (array_position(authors, null) is null),
    constraint tariff_draft_written_by_author check (coalesce(written_by = any (authors), false))
);
grant select, insert on tariff_draft_revision to mingbai_app;

-- 送审 A revision that waits for somebody else's yes, with everything that the yes is about. Append-only.
create table tariff_submission (
    submission_id bigint generated always as identity primary key,
    draft_id bigint not null,
    revision integer not null,
    authors bigint[] not null,
    scheme_id text not null check (scheme_id ~ '^[0-9]{2}[A-Z]{2}[0-9]{6}$'),
    -- The newest version at that time, after which it comes; 0: there was none.
    base_version integer not null check (base_version >= 0),
    -- Exactly what becomes public: the canonical JSON that a version's digest is of.
    content bytea not null,
    content_digest bytea not null,
    -- What the clarity rules found, each warning with the reason why it stays; public with the history of the tariff.
    findings jsonb not null check (jsonb_typeof(findings) = 'array'),
    -- When it is to become public; at once after the approval, where that comes later.
    go_live_at timestamptz not null,
    -- For so long it is public before it can be ordered.
    lead_seconds integer not null,
    submitted_by bigint not null references staff,
    submitted_at timestamptz not null,
    constraint tariff_submission_draft foreign key (draft_id, revision, authors)
        references tariff_draft_revision (draft_id, revision, authors),
    constraint tariff_submission_by_author check (coalesce(submitted_by = any (authors), false)),
    constraint tariff_submission_digest check (content_digest = sha256(content)),
    constraint tariff_submission_content check (coalesce(
        convert_from(content, 'UTF8')::jsonb @> jsonb_build_object('scheme_id', scheme_id, 'operator_id', 'mingbai'), false)),
    -- 明白规则: an error cannot be submitted at all, nor a warning without its reason.
    -- Counted are those that are surely a warning: what cannot be compared is neither true nor false.
    constraint tariff_submission_no_error check (jsonb_array_length(findings) = jsonb_array_length(
        jsonb_path_query_array(findings, 'strict $[*] ? (@.severity == "warning")'))),
    constraint tariff_submission_reasons check (jsonb_array_length(findings) = jsonb_array_length(
        jsonb_path_query_array(findings, 'strict $[*] ? (@.reason like_regex "\\S")'))),
    -- Nothing is sold at the moment at which it appears.
    constraint tariff_submission_public_first check (lead_seconds > 0),
    -- What a decision must name.
    constraint tariff_submission_whole unique
        (submission_id, authors, scheme_id, base_version, content_digest, go_live_at, lead_seconds)
);
create index tariff_submission_draft_of on tariff_submission (draft_id, submission_id);
create index tariff_submission_scheme on tariff_submission (scheme_id, submission_id);
grant select, insert on tariff_submission to mingbai_app;

-- 审批 The answer to a submission, once. Append-only.
create table tariff_decision (
    submission_id bigint primary key,
    verdict text not null check (verdict in ('approved', 'returned')),
    authors bigint[] not null,
    scheme_id text not null,
    base_version integer not null,
    content_digest bytea not null,
    go_live_at timestamptz not null,
    lead_seconds integer not null,
    comment text not null check (char_length(comment) <= 2000),
    decided_by bigint not null references staff,
    decided_at timestamptz not null,
    -- The submission again, where it was approved: what a published version must name.
    approval bigint generated always as (case when verdict = 'approved' then submission_id end) stored,
    constraint tariff_decision_submission foreign key
        (submission_id, authors, scheme_id, base_version, content_digest, go_live_at, lead_seconds)
        references tariff_submission
        (submission_id, authors, scheme_id, base_version, content_digest, go_live_at, lead_seconds),
    -- No one approves their own work, nor what they once wrote in.
    constraint tariff_decision_by_another check (coalesce(decided_by <> all (authors), false)),
    constraint tariff_decision_says_why check (verdict = 'approved' or comment ~ '\S'),
    constraint tariff_decision_approval unique
        (approval, scheme_id, base_version, content_digest, go_live_at, lead_seconds, decided_at)
);
grant select, insert on tariff_decision to mingbai_app;

-- 撤回 A submission that was taken back before it became public, decided or not. Append-only.
create table tariff_submission_withdrawal (
    submission_id bigint primary key references tariff_submission,
    withdrawn_by bigint not null references staff,
    withdrawn_at timestamptz not null
);
grant select, insert on tariff_submission_withdrawal to mingbai_app;

-- A published version names its approval, or was brought in from a file.
alter table tariff_version
    -- From this instant it can be ordered: public before sold.
    add column orderable_from timestamptz,
    -- Brought in by a command; what was there before this was kept, was.
    add column imported boolean not null default true,
    -- The submission that was approved, with what it said.
    add column approval bigint,
    add column base_version integer,
    add column go_live_at timestamptz,
    add column lead_seconds integer,
    add column decided_at timestamptz,
    add column approved_content bytea;
update tariff_version set orderable_from = published_at;
alter table tariff_version
    alter column orderable_from set not null,
    alter column imported set default false,
    add constraint tariff_version_public_first check (orderable_from >= published_at),
    add constraint tariff_version_provenance check (
        case when imported then num_nonnulls(approval, base_version, go_live_at, lead_seconds, decided_at, approved_content) = 0
        else num_nonnulls(approval, base_version, go_live_at, lead_seconds, decided_at, approved_content) = 6 end),
    add constraint tariff_version_approval foreign key
        (approval, scheme_id, base_version, content_digest, go_live_at, lead_seconds, decided_at)
        references tariff_decision
        (approval, scheme_id, base_version, content_digest, go_live_at, lead_seconds, decided_at),
    add constraint tariff_version_approval_once unique (approval),
    -- Not before its time nor before the approval, nor after another version than the one it was held against, and orderable as
    -- long afterwards as was said.
    add constraint tariff_version_as_decided check (
        imported or published_at >= go_live_at and published_at >= decided_at and version = base_version + 1
            and orderable_from = published_at + lead_seconds * interval '1 second'),
    -- Every column says what was approved.
    add constraint tariff_version_as_approved check (
        approved_content is null or coalesce(
            content_digest = sha256(approved_content)
            and convert_from(approved_content, 'UTF8')::jsonb - array['terms', 'operator_id'] = jsonb_build_object(
                'scheme_id', scheme_id, 'name', name, 'kind', kind, 'audience', audience, 'regions', regions,
                'channels', channels, 'on_sale_from', on_sale_from, 'on_sale_until', on_sale_until,
                'validity', validity, 'commitment', commitment, 'cancel', cancel, 'penalty', penalty,
                'restrictions', restrictions, 'notes', notes, 'price_text', price_text,
                'services_text', services_text, 'overage_text', overage_text, 'category', category,
                'included', included)
            and coalesce(terms, 'null'::jsonb) = convert_from(approved_content, 'UTF8')::jsonb -> 'terms', false));

-- From this instant on a version is sold instead of the one before, which is sold until then.
create function takes_over_at(v tariff_version) returns timestamptz
language sql immutable parallel safe as $$
    select greatest(v.orderable_from, v.on_sale_from::timestamp at time zone interval '8 hours')
$$;

-- The version of a tariff that is in force at an instant; none before its first one is.
create function tariff_in_force(scheme text, instant timestamptz) returns setof tariff_version
language sql stable parallel safe as $$
    select v.* from tariff_version v where v.scheme_id = scheme and v.takes_over_at <= instant order by v.version desc limit 1
$$;

-- The server publishes what was approved and may not say that a row was imported; the engineer's command may.
revoke insert on tariff_version from mingbai_app;
grant insert (scheme_id, version, published_at, orderable_from, name, kind, regions, audience, channels, on_sale_from,
    on_sale_until, validity, commitment, cancel, penalty, restrictions, notes, price_text, services_text, overage_text,
    category, included, terms, recurring_price, one_off_price, penalty_max, content_digest,
    approval, base_version, go_live_at, lead_seconds, decided_at, approved_content) on tariff_version to mingbai_app;
grant insert on tariff_version to mingbai_import;

-- An order names since when its version can be ordered, and comes no earlier.
alter table product_order add column tariff_orderable_from timestamptz;
update product_order set tariff_orderable_from = tariff_published_at;
alter table product_order drop constraint product_order_tariff;
alter table tariff_version drop constraint tariff_version_offer;
alter table tariff_version add constraint tariff_version_offer unique
    (scheme_id, version, published_at, orderable_from, on_sale_from, on_sale_until, recurring_price, one_off_price);
alter table product_order
    alter column tariff_orderable_from set not null,
    add constraint product_order_tariff foreign key
        (scheme_id, version, tariff_published_at, tariff_orderable_from, on_sale_from, on_sale_until, recurring_price,
            one_off_price)
        references tariff_version
        (scheme_id, version, published_at, orderable_from, on_sale_from, on_sale_until, recurring_price, one_off_price),
    add constraint product_order_sellable check (ordered_at >= tariff_orderable_from);

-- Where each submission stands.
create view tariff_submission_state as
select s.submission_id, s.draft_id, s.scheme_id,
    case
        when v.approval is not null then 'live'
        when w.submission_id is not null then 'editing'
        when d.verdict = 'returned' then 'returned'
        when d.verdict is null then 'waiting'
        when exists (select from tariff_version newer
            where newer.scheme_id = s.scheme_id and newer.version > s.base_version) then 'overtaken'
        else 'approved'
    end as state
from tariff_submission s
left join tariff_decision d using (submission_id)
left join tariff_submission_withdrawal w using (submission_id)
left join tariff_version v on v.approval = s.submission_id;
grant select on tariff_submission_state to mingbai_app;

-- Each draft as it was last saved, and where it stands by its newest submission.
create view tariff_draft_state as
select d.draft_id, d.base_version, r.form ->> 'scheme_id' as scheme_id, r.form ->> 'name' as name,
    w.name as written_by, r.written_at, s.submission_id, s.go_live_at,
    case when d.discarded_at is not null then 'discarded' else coalesce(t.state, 'editing') end as state
from tariff_draft d
join lateral (select * from tariff_draft_revision r where r.draft_id = d.draft_id
    order by r.revision desc limit 1) r on true
join staff w on w.staff_id = r.written_by
left join lateral (select * from tariff_submission s where s.draft_id = d.draft_id
    order by s.submission_id desc limit 1) s on true
left join tariff_submission_state t on t.submission_id = s.submission_id;
grant select on tariff_draft_state to mingbai_app;
