-- Rows that charging changes again and again get room on their page. A new version of a row then stays there and the index
-- need not learn of it (HOT); on pages without room nearly every update wrote a new entry of the index as well, and took
-- nine times as long.
alter table allowance set (fillfactor = 70);
alter table month_counter set (fillfactor = 70);
alter table overage_volume set (fillfactor = 70);
alter table charging_session set (fillfactor = 50);
