-- Charging remembers subscribers between transactions.

-- Under which lease the usage of a subscriber was read by the one who remembers it. Whoever changes the usage, the
-- allowances, the cap or the subscriptions without having read them under it takes it away, so that nobody works with
-- what was true once.
alter table subscriber add column usage_lease bigint;
grant update (usage_lease) on subscriber to mingbai_app;

-- Whose answer it is, and to which request, stands in the row's other columns.
update charging_session set answer = answer -> 'units';
alter table charging_session rename column answer to units;
alter table charging_session add constraint charging_session_units check (jsonb_typeof(units) = 'array');

-- A month's records are found by the primary key and are few enough to be sorted.
drop index usage_record_time;
