-- 支付入口 How a payment gets to the gateway, and the outbox of what is to be asked there: to prepare it, and then whether it was made,
-- until it is over. Written with the payment, so that a crash between our row and the gateway's answer loses neither.

create table payment_preparation (
    subscriber_id bigint not null,
    payment_id bigint not null,
    -- code: scanned with a phone from another screen. link: on the phone that shows the page.
    way text not null check (way in ('code', 'link')),
    -- Where a link is opened from, which the gateway wants to know; kept, so that it is asked the same again.
    payer_address inet,
    -- What the code holds, or the address of the link; NULL: not prepared yet.
    url text check (char_length(url) between 1 and 2000),
    tries integer not null default 0 check (tries >= 0),
    -- When the gateway is asked next; infinity: it is over.
    due_at timestamptz not null,
    -- What went wrong the last time, for whoever looks.
    failure text not null default '' check (char_length(failure) <= 500),
    primary key (subscriber_id, payment_id),
    foreign key (subscriber_id, payment_id) references payment,
    constraint payment_preparation_payer check ((way = 'link') = (payer_address is not null))
);
create index payment_preparation_due on payment_preparation (due_at) where due_at < 'infinity';
grant select, insert, update (url, tries, due_at, failure) on payment_preparation to mingbai_app;
