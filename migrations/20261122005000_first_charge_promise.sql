-- 首次扣费提醒 The reminder of a first charge says what the reply costs, and what it said holds.

-- Nothing, where that was promised; once in 12 months for the same tariff, and only where nothing was charged before the
-- reminder. Otherwise as any cancellation.
alter table first_charge add column is_free boolean;
-- Every reminder until now promised it.
update first_charge set is_free = true where reminded_at is not null;
alter table first_charge add constraint first_charge_promise check ((reminded_at is null) = (is_free is null));
grant update (is_free) on first_charge to mingbai_app;
