-- 资费变动 The feed of what changed on public display is read from its newest end.

-- What became public, the latest first.
create index tariff_version_published on tariff_version (published_at desc, scheme_id, version);
-- What stopped at its last day, the latest first.
create index tariff_listing_until on tariff_listing (on_sale_until desc, scheme_id);
