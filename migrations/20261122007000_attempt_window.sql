-- A window begins with the first attempt in it, not at a round time: a second code one second later must not be sent
-- because a minute happened to end between the two. What was counted until now is at most an hour old and is let go.
delete from attempt;
alter table attempt drop constraint attempt_pkey;
alter table attempt add primary key (bucket);
comment on table attempt is
    'Attempts counted by what they are limited by (a number, an address), in a window that begins with the first.';

-- So that the server can tell whether the schema is current. Here and not in the program: of several that bring the
-- schema up to date at once, one applies migrations while the others wait. The list is not there where the files are
-- applied by other means.
do $$
begin
    if to_regclass('_sqlx_migrations') is not null then
        grant select on _sqlx_migrations to mingbai_app;
    end if;
end
$$;
