-- Whether the subscriber asked for a list, or got it for a number that meant nothing: he may send the number again before he
-- has read it, so that it counts only after a while.
alter table sms_list add column asked boolean not null default true;
