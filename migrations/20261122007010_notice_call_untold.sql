-- Calls of whose end nothing was told: they are given up some time after the phone may ring no more, so that none is shown as
-- under way for ever.
create index notice_call_untold on notice (sent_at) where state = 'sent' and channel = 'call';
