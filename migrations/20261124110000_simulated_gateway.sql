-- 模拟支付渠道 The books of the simulated gateway of demo mode: what a payment company would know, and keep where we cannot see it. A
-- schema of its own, to which nothing of ours refers. Without --demo it stays empty.

create schema simulated_gateway;
grant usage on schema simulated_gateway to mingbai_app;

create table simulated_gateway.payment (
    payment_id bigint generated always as identity primary key,
    -- 商户订单号 The merchant's number: once.
    out_trade_no text not null unique check (char_length(out_trade_no) between 6 and 32),
    -- 微信支付订单号
    transaction_id text not null unique,
    -- Names it in the address where it is paid: chance, so that nobody guesses it.
    prepay_id text not null unique,
    trade_type text not null check (trade_type in ('NATIVE', 'MWEB')),
    fen bigint not null check (fen > 0),
    description text not null,
    -- Where the merchant is told.
    notify_url text not null,
    state text not null default 'NOTPAY' check (state in ('NOTPAY', 'SUCCESS', 'CLOSED')),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    paid_at timestamptz,
    -- Of what was paid, so much went back: never more.
    refunded_fen bigint not null default 0 check (refunded_fen between 0 and fen),
    check ((state = 'SUCCESS') = (paid_at is not null)),
    check (refunded_fen = 0 or state = 'SUCCESS')
);
create index payment_paid_at on simulated_gateway.payment (paid_at) where state = 'SUCCESS';

create table simulated_gateway.refund (
    refund_seq bigint generated always as identity primary key,
    payment_id bigint not null references simulated_gateway.payment,
    -- 商户退款单号 The merchant's number: once.
    out_refund_no text not null unique check (char_length(out_refund_no) between 1 and 64),
    -- 微信支付退款单号
    refund_id text not null unique,
    fen bigint not null check (fen > 0),
    notify_url text not null,
    state text not null default 'PROCESSING' check (state in ('PROCESSING', 'SUCCESS')),
    created_at timestamptz not null,
    -- When the money arrives.
    arrives_at timestamptz not null
);
create index refund_under_way on simulated_gateway.refund (arrives_at) where state = 'PROCESSING';
create index refund_arrived_at on simulated_gateway.refund (arrives_at) where state = 'SUCCESS';

-- 通知 What the merchant is still to be told of.
create table simulated_gateway.callback (
    callback_id bigint generated always as identity primary key,
    payment_id bigint references simulated_gateway.payment,
    refund_seq bigint references simulated_gateway.refund,
    due_at timestamptz not null,
    tries integer not null default 0,
    check (num_nonnulls(payment_id, refund_seq) = 1)
);
create index callback_due on simulated_gateway.callback (due_at);

grant select, insert, update on all tables in schema simulated_gateway to mingbai_app;
grant delete on simulated_gateway.callback to mingbai_app;
