-- The catalogue: what may be sold, exactly as it was shown to the public.
-- Reference tables: small, the same on every node of a distributed engine.

-- The role the server works as. Migrations run as the owner; this role gets only the grants written beside each table.
do $$
begin
    if not exists (select from pg_roles where rolname = 'mingbai_app') then
        create role mingbai_app nologin;
    end if;
    execute format('grant mingbai_app to %I', current_user);
end
$$;
grant usage on schema public to mingbai_app;

-- One plan at a time is an exclusion over (subscriber, period), which needs equality in a GiST index.
create extension if not exists btree_gist;

-- The operators whose tariffs are on show. `mingbai` is the operator that runs this portal.
create table operator (
    operator_id text primary key check (operator_id ~ '^[a-z][a-z0-9_]{1,30}$'),
    name_zh text not null,
    name_en text not null
);
insert into operator (operator_id, name_zh, name_en) values
    ('mingbai', '明白通信', 'Mingbai Mobile'),
    ('mobile', '中国移动', 'China Mobile'),
    ('unicom', '中国联通', 'China Unicom');
grant select on operator to mingbai_app;

-- 销售渠道 Where an order can be made, so that each order and consent says by which one.
create table channel (
    channel_id text primary key check (channel_id ~ '^[a-z][a-z0-9_]{1,30}$'),
    name_zh text not null,
    name_en text not null
);
insert into channel (channel_id, name_zh, name_en) values
    ('web', '网上营业厅', 'Website'),
    ('sms', '短信 10086', 'SMS 10086'),
    ('hall', '营业厅', 'Shop'),
    ('hotline', '10086 人工', 'Hotline 10086'),
    ('import', '系统迁入', 'Moved in from another system');
grant select on channel to mingbai_app;

-- A tariff is its 方案编号; all that it says stands in its versions.
create table tariff (
    scheme_id text primary key check (scheme_id ~ '^[0-9]{2}[A-Z]{2}[0-9]{6}$'),
    operator_id text not null references operator,
    first_seen_at timestamptz not null
);
grant select, insert on tariff to mingbai_app;

-- 公示资费 The published table. A row never changes: a correction is a new version (the server's role has no UPDATE).
create table tariff_version (
    scheme_id text not null references tariff,
    version integer not null check (version >= 1),
    -- From this instant the version was public; nothing may be ordered before it.
    published_at timestamptz not null,
    -- 名称
    name text not null check (name <> ''),
    kind text not null check (kind in ('plan', 'addon', 'campaign', 'international', 'standard')),
    -- 适用地区 and 适用范围
    regions text[] not null check (cardinality(regions) > 0),
    audience text not null,
    -- 销售渠道, as displayed
    channels text[] not null,
    -- 上下线日期, both days included
    on_sale_from date not null,
    on_sale_until date not null,
    -- 有效期限 在网要求 退订方式 违约责任 限制 其他
    validity text not null,
    commitment text not null,
    cancel text not null,
    penalty text not null,
    restrictions text[] not null,
    notes text not null,
    -- 资费标准 服务内容 超出资费, as the operator displayed them; empty where `terms` alone say it
    price_text text not null,
    services_text text not null,
    overage_text text not null,
    category text not null,
    -- What the operator's own table lists as included (GB, minutes, messages, broadband), beside its texts.
    included jsonb not null default '{}' check (jsonb_typeof(included) = 'object'),
    -- The machine-readable price. NULL: on public display, but cannot be ordered here.
    terms jsonb check (jsonb_typeof(terms) = 'object'),
    -- Yuan a month, and yuan once. Copies of what `terms` say, so that orders can name the price by foreign key.
    recurring_price numeric(12, 2),
    one_off_price numeric(12, 2),
    -- SHA-256 of the canonical content: two versions that say the same are one version.
    content_digest bytea not null check (octet_length(content_digest) = 32),
    primary key (scheme_id, version),
    constraint tariff_version_content_once unique (scheme_id, content_digest),
    -- What an order must name: the version, when it became public, when it is on sale, and its price.
    constraint tariff_version_offer unique
        (scheme_id, version, published_at, on_sale_from, on_sale_until, recurring_price, one_off_price),
    -- What a subscription names, so that it is a plan where its tariff is one.
    constraint tariff_version_kind unique (scheme_id, version, kind),
    constraint tariff_version_sale_period check (on_sale_until >= on_sale_from),
    constraint tariff_version_price_is_terms check (
        case when terms is null then recurring_price is null and one_off_price is null
        else recurring_price is not null and one_off_price is not null
            and recurring_price = coalesce((terms #>> '{recurring,price}')::numeric, 0)
            and one_off_price = coalesce((terms ->> 'one_off')::numeric, 0)
            and recurring_price >= 0 and one_off_price >= 0
        end)
);
grant select, insert on tariff_version to mingbai_app;

-- 停售 Sales of a tariff stopped before its last day, from an instant on. Append-only.
create table tariff_withdrawal (
    scheme_id text primary key references tariff,
    withdrawn_at timestamptz not null,
    reason text not null check (reason <> '')
);
grant select, insert on tariff_withdrawal to mingbai_app;

-- The shelf of the tariff zone: one row a tariff (its newest version), with what is searched, filtered and sorted by.
-- Everything in it is derived from tariff_version and can be made again from it.
create table tariff_listing (
    scheme_id text primary key,
    version integer not null,
    operator_id text not null references operator,
    name text not null,
    kind text not null,
    regions text[] not null,
    on_sale_from date not null,
    on_sale_until date not null,
    -- Yuan and what they are for, where the displayed price says so without doubt.
    price numeric(12, 2),
    price_period text check (price_period in ('month', 'year', 'day', 'once')),
    -- General and directed data together; bytes, minutes, messages a month. NULL: the text does not say.
    data_bytes bigint,
    voice_minutes bigint,
    sms_messages bigint,
    -- 在网要求: whether one is asked for.
    has_commitment boolean not null,
    -- Single characters and pairs of neighbouring characters of names and texts, for search in any script.
    grams text[] not null,
    -- What `grams` was made of, folded (lower case, half width), to confirm a match.
    search_text text not null,
    -- The name alone, folded: matches in it rank first.
    name_folded text not null,
    foreign key (scheme_id, version) references tariff_version,
    constraint tariff_listing_price_and_period check ((price is null) = (price_period is null))
);
create index tariff_listing_grams on tariff_listing using gin (grams);
create index tariff_listing_price on tariff_listing (price_period, price, scheme_id);
grant select, insert, update on tariff_listing to mingbai_app;
