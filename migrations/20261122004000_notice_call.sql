-- 提醒电话 Phone calls besides the SMS, for those who chose them.

alter table notice
    drop constraint notice_channel_check,
    -- call: spoken by an outside call-out service. sent: it was handed over; delivered: somebody answered the phone.
    add constraint notice_channel_check check (channel in ('sms', 'call')),
    -- A call about what was long ago confuses: none without an end.
    add constraint notice_call_expires check (channel <> 'call' or expires_at is not null);

-- Each channel has a queue of its own.
drop index notice_queue;
create index notice_queue on notice (urgency, due_at, notice_id) where state = 'queued' and channel = 'sms';
create index notice_queue_calls on notice (due_at, notice_id) where state = 'queued' and channel = 'call';

-- Without a row, a topic of calls is not wanted: call_over_use when data is used up, the cap is reached or charges are far above
-- the usual; call_renewal before services renew themselves.
alter table notice_choice
    drop constraint notice_choice_topic_check,
    add constraint notice_choice_topic_check check (topic in ('usage_share', 'call_over_use', 'call_renewal'));
