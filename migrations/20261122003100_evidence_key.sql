-- The Ed25519 keys that order slips are signed with, so that a forged one is found without this database. The first is
-- made at the first start; the one with the highest number signs; an older one stays public, for the slips it signed.
create table evidence_key (
    key_no integer primary key check (key_no >= 1),
    public_key bytea not null unique check (octet_length(public_key) = 32),
    -- The seed of the private key. It is kept here so that all servers sign alike and a backup holds it.
    secret_key bytea not null check (octet_length(secret_key) = 32),
    made_at timestamptz not null
);
grant select, insert on evidence_key to mingbai_app;
