-- 公开说明 What the public is told of an incident. Its figures are those of the execution, once that is done: nobody types them.
alter table incident_execution
    add constraint incident_execution_done unique (incident_id, batch_id, finished_at);
alter table refund_batch
    add constraint refund_batch_figures unique (batch_id, made, returned);

-- One an incident. Append-only.
create table incident_statement (
    statement_id bigint generated always as identity primary key,
    incident_id bigint not null,
    batch_id bigint not null,
    finished_at timestamptz not null,
    -- Refunds that were made, and yuan in all: as the batch says, by foreign key.
    refunds bigint not null check (refunds > 0),
    amount numeric(20, 2) not null check (amount > 0),
    -- Who got them.
    subscribers bigint not null,
    -- The day by which everything arrives.
    arrives_by date not null,
    constraint incident_statement_once unique (incident_id),
    constraint incident_statement_done foreign key (incident_id, batch_id, finished_at)
        references incident_execution (incident_id, batch_id, finished_at),
    constraint incident_statement_figures foreign key (batch_id, refunds, amount)
        references refund_batch (batch_id, made, returned),
    constraint incident_statement_subscribers check (subscribers between 1 and refunds)
);
grant select, insert on incident_statement to mingbai_app;

-- Its text in both languages, where {subscribers}, {amount} and {until} stand for the figures. Who edits it writes another version.
-- Append-only.
create table incident_statement_version (
    statement_id bigint not null references incident_statement,
    version integer not null check (version between 1 and 1000),
    title_zh text not null check (char_length(title_zh) between 1 and 100),
    text_zh text not null check (char_length(text_zh) between 1 and 5000),
    title_en text not null check (char_length(title_en) between 1 and 100),
    text_en text not null check (char_length(text_en) between 1 and 5000),
    written_by bigint not null references staff,
    written_at timestamptz not null,
    primary key (statement_id, version),
    constraint incident_statement_version_by unique (statement_id, version, written_by),
    constraint incident_statement_says_figures check (
        text_zh like '%{subscribers}%' and text_zh like '%{amount}%' and text_zh like '%{until}%'
        and text_en like '%{subscribers}%' and text_en like '%{amount}%' and text_en like '%{until}%')
);
grant select, insert on incident_statement_version to mingbai_app;

-- 发布 A version that somebody else than who wrote it let out. The newest is what holds; the ones before stay on show. Append-only.
create table incident_statement_publication (
    statement_id bigint not null,
    version integer not null,
    written_by bigint not null,
    published_by bigint not null references staff,
    published_at timestamptz not null,
    primary key (statement_id, version),
    constraint incident_statement_published_version foreign key (statement_id, version, written_by)
        references incident_statement_version (statement_id, version, written_by),
    constraint incident_statement_by_another check (published_by <> written_by)
);
grant select, insert on incident_statement_publication to mingbai_app;
