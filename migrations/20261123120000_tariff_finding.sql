-- What makes each published tariff hard to understand, so that the whole market can be shown by operator, region and rule
-- without reading every text again. Everything here follows from tariff_version and the rules, and can be made again.

create table tariff_clarity (
    scheme_id text primary key references tariff,
    -- The version that was read: the newest at that time.
    version integer not null,
    -- The revision of the rules that read it: what older ones found is looked for again.
    revision integer not null,
    findings integer not null check (findings >= 0),
    foreign key (scheme_id, version) references tariff_version
);
grant select, insert, update on tariff_clarity to mingbai_app;

create table tariff_finding (
    scheme_id text not null references tariff_clarity,
    -- Its place among the tariff's findings, from 1.
    place integer not null check (place >= 1),
    rule text not null check (rule <> ''),
    element text not null check (element <> ''),
    -- The words that break the rule, and the sentence they stand in; empty where words are missing.
    quote text not null,
    sentence text not null,
    primary key (scheme_id, place)
);
create index tariff_finding_rule on tariff_finding (rule, scheme_id, place);
grant select, insert, delete on tariff_finding to mingbai_app;

-- How many tariffs break which rule, counted anew once all were read, so that showing the market counts nothing. Here ''
-- stands for any operator, region or rule, broken or not, and '*' for any rule that is broken.
create table tariff_clarity_count (
    operator_id text not null,
    region text not null,
    rule text not null,
    tariffs bigint not null check (tariffs > 0),
    -- In these, of this rule; of '' and '*' all.
    findings bigint not null check (findings >= 0),
    primary key (operator_id, region, rule)
);
grant select, insert, delete on tariff_clarity_count to mingbai_app;
