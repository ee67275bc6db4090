-- 谁办的 Every step says who took it: the subscriber, somebody of the operator (staff: and the login), an import, or the system,
-- by itself.

alter table product_order
    -- Who placed it. The yes behind it is the subscriber's own, whoever typed the order.
    add column actor text;
update product_order set actor = case channel_id when 'import' then 'import' else 'subscriber' end;
alter table product_order
    alter column actor set not null,
    -- The system by itself orders nothing.
    add constraint product_order_actor check (
        actor in ('subscriber', 'import') or actor ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    add constraint product_order_import check ((actor = 'import') = (channel_id = 'import'));

alter table subscription_event
    -- Who took the step.
    add column actor text;
update subscription_event set actor = case channel_id when 'import' then 'import' else 'subscriber' end;
alter table subscription_event
    alter column actor set not null,
    -- The system by itself starts, stops and changes nothing: when something ends follows from what somebody decided.
    add constraint subscription_event_actor check (
        actor in ('subscriber', 'import') or actor ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    -- An import brings what runs, and does nothing else.
    add constraint subscription_event_import check (
        (actor = 'import') = (channel_id = 'import') and (actor <> 'import' or what = 'activated'));

alter table cap_choice
    -- Who chose it.
    add column actor text;
update cap_choice set actor =
    case when seq > 0 then 'subscriber' when channel_id = 'import' then 'import' else 'system' end;
alter table cap_choice
    alter column actor set not null,
    add constraint cap_choice_actor check (
        actor in ('subscriber', 'system', 'import') or actor ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    -- The first cap is there by itself or was brought; every later one was chosen by somebody.
    add constraint cap_choice_first check ((actor in ('system', 'import')) = (seq = 0));

alter table consent_request
    -- Who asked for it, that is who wanted the thing ordered or the cap raised.
    add column asked_by text,
    -- When it was answered, replaced by a newer question, or ran out; by whom, and by which channel.
    add column closed_at timestamptz,
    add column closed_by text,
    add column closed_channel_id text references channel;
update consent_request set asked_by = 'subscriber';
-- When an answer was a yes, the chain knows. Of the others that was not kept until now.
update consent_request r set closed_at = c.agreed_at, closed_by = 'subscriber', closed_channel_id = c.channel_id
    from consent c where c.subscriber_id = r.subscriber_id and c.request_id = r.request_id;
alter table consent_request drop constraint consent_request_state_check;
alter table consent_request
    alter column asked_by set not null,
    -- Nobody is asked by the system by itself.
    add constraint consent_request_asked_by check (
        asked_by = 'subscriber' or asked_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$'),
    add constraint consent_request_state_check check (
        state in ('open', 'agreed', 'refused', 'superseded', 'expired')),
    -- A yes is the subscriber's own and comes in time; what runs out does so by itself, at its time. Not asked of rows from
    -- before this was kept.
    add constraint consent_request_closed check (coalesce(
        case state
        when 'open' then num_nonnulls(closed_at, closed_by, closed_channel_id) = 0
        when 'expired' then closed_at = expires_at and closed_by = 'system' and closed_channel_id is null
        when 'agreed' then closed_by = 'subscriber' and closed_channel_id is not null
            and closed_at between asked_at and expires_at
        else closed_at >= asked_at and closed_channel_id is not null
            and (closed_by = 'subscriber' or closed_by ~ '^staff:[a-z][a-z0-9._-]{2,40}$')
        end, false)) not valid;
grant update (closed_at, closed_by, closed_channel_id) on consent_request to mingbai_app;
