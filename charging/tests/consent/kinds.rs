//! Whatever is sold: nothing of it runs without a yes, by whichever way it is tried.
//!
//! | | SMS | import | SQL as the server | page and server function |
//! |---|---|---|---|---|
//! | every kind of tariff, for money and for nothing | [`not_by_sms`] | [`not_by_import`] | [`not_by_plain_sql`] | `server/tests/it/consent.rs` |
//! | another plan instead of the present one | [`no_change_of_plan`] | as a plan | [`no_change_of_plan`] | `server/tests/it/consent.rs` |
//! | 手机代扣费, an item of a platform | `third_party.rs` | no file brings one | `third_party.rs` | a platform asks, no page does |
//! | 家庭账单, being seen by a holder | [`not_in_a_family`], `family.rs` | `family.rs` | `invariants/family.rs` | `server/tests/it/family.rs` |
//! | a higher cap | [`no_higher_cap`] | [`no_higher_cap`] | [`no_higher_cap`] | `server/tests/it/consent.rs` |

use charging::consent::incoming::{Handled, incoming};
use charging::order::store::OrderError;
use charging::order::view::active;
use charging::subscriber::import::{Entry, Rejection};
use charging::tariff::store::{Outcome, publish};
use charging::usage::store::current_cap;
use sqlx::AssertSqlSafe;

use crate::later;
use crate::offers::offers;
use crate::world::{OTHER_PLAN, PLAN, World, at, now};

fn ids() -> Vec<String> {
    offers().into_iter().map(|content| content.scheme_id.to_string()).collect()
}

impl World {
    async fn with_offers() -> Self {
        let world = Self::new().await;
        let mut tx = world.db.app.begin().await.unwrap();
        let all: Vec<_> = offers().into_iter().map(Into::into).collect();
        let published = publish(&mut tx, &all, now()).await.unwrap();
        assert!(published.iter().all(|outcome| matches!(outcome, Outcome::Accepted { .. })), "{published:?}");
        tx.commit().await.unwrap();
        world
    }

    async fn nothing_runs(&self, what: &str) {
        for table in ["consent", "product_order", "subscription", "charge", "allowance"] {
            assert_eq!(self.count(table).await, 0, "{what}: {table}");
        }
    }

    /// What plain SQL as the server's own role is refused by.
    pub async fn refuser(&self, sql: String) -> String {
        let mut tx = self.db.app.begin().await.unwrap();
        let error = sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&mut *tx).await.expect_err(&sql);
        tx.rollback().await.unwrap();
        let error = error.as_database_error().unwrap();
        let code = error.code().unwrap_or_default().into_owned();
        error.constraint().map_or(code, str::to_owned)
    }
}

#[tokio::test]
async fn not_by_sms() {
    let world = World::with_offers().await;
    for (n, id) in (1..).zip(ids()) {
        let a = world.subscriber(n).await;
        let send = async |message: &str, text: &str, minute: &str| {
            let mut conn = world.db.app.acquire().await.unwrap();
            incoming(&mut conn, a, &format!("{id}/{message}"), text, later(minute)).await.unwrap()
        };
        assert_eq!(send("yes to nothing", "Y", "0:00").await, Handled::NothingAsked, "{id}");
        for text in [id.as_str(), "订购", "开通"] {
            assert_eq!(send(text, text, "0:00").await, Handled::NotUnderstood, "{id}: {text}");
        }
        world.ask(a, &id, later("0:00")).await.unwrap();
        assert_eq!(send("late", "Y", "10:01").await, Handled::Lapsed, "{id}");
        world.ask(a, &id, later("11:00")).await.unwrap();
        assert_eq!(send("no", "N", "11:10").await, Handled::Refused, "{id}");
        assert_eq!(send("after a no", "Y", "11:20").await, Handled::NothingAsked, "{id}");
        world.nothing_runs(&id).await;
    }
    world.db.drop().await;
}

#[tokio::test]
async fn not_by_import() {
    for id in ids() {
        let line = |consent: &str| {
            format!(
                r#"{{"msisdn":"13800000001","name":"张三","region":"北京",
                "subscriptions":[{{"scheme_id":"{id}","since":"2026-09-01"{consent}}}]}}"#
            )
        };
        let yes = r#","consent":{"method":"signature","reference":"slip 1","agreed_at":"2026-08-30T10:00:00+08:00"}"#;
        Entry::parse(&line(yes), now()).unwrap();
        for (without, consent) in [
            ("at all", String::new()),
            ("said to be none", r#","consent":null"#.to_owned()),
            ("reference", yes.replace("slip 1", "")),
            ("a way that counts", yes.replace("signature", "silence")),
            ("a time", yes.replace(r#","agreed_at":"2026-08-30T10:00:00+08:00""#, "")),
            ("a yes before it began", yes.replace("2026-08-30", "2026-09-02")),
        ] {
            let refused = Entry::parse(&line(&consent), now());
            assert!(
                matches!(refused, Err(Rejection::Subscription { .. } | Rejection::Unreadable(_))),
                "{id} without {without}: {refused:?}"
            );
        }
    }
}

#[tokio::test]
async fn not_by_plain_sql() {
    let world = World::with_offers().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    let mut tx = world.db.app.begin().await.unwrap();
    let elsewhere = world.sign(&mut tx, b, &ids()[0], now()).await;
    assert_eq!(elsewhere, 1);
    tx.commit().await.unwrap();
    for id in ids() {
        let order = |consent_seq: &str| {
            format!(
                "insert into product_order (subscriber_id, scheme_id, version, tariff_published_at,
                    tariff_orderable_from, on_sale_from, on_sale_until, recurring_price, one_off_price, consent_seq, channel_id, actor, ordered_at)
                select {a}, scheme_id, version, published_at, orderable_from, on_sale_from, on_sale_until, recurring_price,
                    one_off_price, {consent_seq}, 'web', 'subscriber', '2026-12-15T12:00:00+08:00'
                from tariff_version where scheme_id = '{id}'"
            )
        };
        assert_eq!(world.refuser(order("null")).await, "23502", "{id}: no consent");
        assert_eq!(world.refuser(order("1")).await, "product_order_consent", "{id}: a consent of somebody else");
        let service = format!(
            "insert into subscription (subscriber_id, order_id, scheme_id, version, kind, tariff_kind, recurring_price,
                one_off_price, starts_at)
            select {a}, 1, scheme_id, version, case kind when 'plan' then 'plan' else 'addon' end, kind, recurring_price,
                one_off_price, '2026-12-15T12:00:00+08:00'
            from tariff_version where scheme_id = '{id}'"
        );
        assert_eq!(world.refuser(service).await, "subscription_order", "{id}: a service that nobody ordered");
        let consent = format!(
            "insert into consent (subscriber_id, seq, purpose, scheme_id, version, recurring_price, one_off_price, method,
                channel_id, asked_at, agreed_at, evidence, hash)
            select {a}, 1, 'order', scheme_id, version, recurring_price, one_off_price, 'signature', 'web', now(), now(),
                '{{}}', sha256('{{}}')
            from tariff_version where scheme_id = '{id}'"
        );
        let by = world.refuser(consent).await;
        assert!(by.starts_with("consent_"), "{id}: a consent that says nothing: {by}");
    }
    for table in ["product_order", "subscription", "charge", "allowance"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    world.db.drop().await;
}

#[tokio::test]
async fn no_change_of_plan() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let present = world.has(a, PLAN, at("2026-09-01T00:00:00+08:00")).await;
    world.ask(a, OTHER_PLAN, later("0:00")).await.unwrap();
    assert_eq!(world.receive(a, "late", "Y", later("10:01")).await, Handled::Lapsed);
    world.ask(a, OTHER_PLAN, later("11:00")).await.unwrap();
    assert_eq!(world.receive(a, "no", "N", later("11:10")).await, Handled::Refused);
    assert_eq!(world.receive(a, "after a no", "Y", later("11:20")).await, Handled::NothingAsked);
    for (what, change) in [
        ("to another tariff", format!("scheme_id = '{OTHER_PLAN}'")),
        ("to another version", "version = 2".to_owned()),
        ("to another price", "recurring_price = 99".to_owned()),
        ("to another order", "order_id = 999".to_owned()),
    ] {
        let sql = format!("update subscription set {change} where subscription_id = {}", present.subscription_id);
        assert_eq!(world.refuser(sql).await, "42501", "{what}");
    }
    let service = format!(
        "update subscription set ends_at = '2026-11-01', end_reason = 'replaced' where subscriber_id = {a};
        insert into subscription (subscriber_id, order_id, scheme_id, version, kind, tariff_kind, recurring_price,
            one_off_price, starts_at)
        values ({a}, {}, '{OTHER_PLAN}', 1, 'plan', 'plan', 99, 0, '2026-11-01')",
        present.order_id
    );
    let by = world.refuser(service).await;
    assert!(by.starts_with("subscription_order"), "by the order of the present plan: {by}");
    let mut conn = world.db.app.acquire().await.unwrap();
    let services = active(&mut conn, a, later("12:00")).await.unwrap();
    assert_eq!((services.len(), services[0].subscription_id, services[0].ends_at), (1, present.subscription_id, None));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn no_higher_cap() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let cap = async || {
        let mut conn = world.db.app.acquire().await.unwrap();
        current_cap(&mut conn, a).await.unwrap().unwrap().cap
    };
    let asked = world.receive(a, "ask", "FD1000", later("0:00")).await;
    assert!(matches!(asked, Handled::Asked { .. }), "{asked:?}");
    assert_eq!(world.receive(a, "late", "Y", later("10:01")).await, Handled::Lapsed);
    world.receive(a, "again", "FD1000", later("11:00")).await;
    assert_eq!(world.receive(a, "no", "N", later("11:10")).await, Handled::Refused);
    assert_eq!(world.receive(a, "after a no", "Y", later("11:20")).await, Handled::NothingAsked);
    let file = r#"{"msisdn":"13800000009","name":"张三","region":"北京","cap":"601.00","subscriptions":[]}"#;
    assert!(Entry::parse(file, now()).is_err(), "no file brings a cap above the standard one");
    let choose = |consent: &str| {
        format!(
            "insert into cap_choice (subscriber_id, seq, cap, previous_seq, previous_cap, consent_seq, channel_id, actor,
                chosen_at)
            values ({a}, 1, 1000, 0, 600, {consent}, 'web', 'subscriber', now())"
        )
    };
    assert_eq!(world.refuser(choose("null")).await, "cap_choice_raise_needs_consent");
    assert_eq!(world.refuser(choose("1")).await, "cap_choice_consent");
    assert_eq!(world.refuser("update cap_choice set cap = 1000".to_owned()).await, "42501");
    assert_eq!(cap().await, 600.into());
    assert_eq!(world.count("consent").await, 0);
    world.db.drop().await;
}

#[tokio::test]
async fn not_in_a_family() {
    let world = World::new().await;
    let (holder, a) = (world.subscriber(1).await, world.subscriber(2).await);
    assert_eq!(world.receive(a, "nobody asks", "JT", later("0:00")).await, Handled::NothingAsked);
    let number = "13800000002".parse().unwrap();
    charging::family::store::invite(&world.db.app, holder, &number, later("0:10")).await.unwrap();
    assert_eq!(world.receive(a, "no question", "Y", later("0:20")).await, Handled::NothingAsked);
    assert!(matches!(world.receive(a, "asked", "JT", later("0:30")).await, Handled::Asked { .. }));
    assert_eq!(world.receive(a, "late", "Y", later("10:31")).await, Handled::Lapsed);
    world.receive(a, "again", "JT", later("11:00")).await;
    assert_eq!(world.receive(a, "no", "N", later("11:10")).await, Handled::Refused);
    assert_eq!(world.receive(a, "after a no", "Y", later("11:20")).await, Handled::NothingAsked);
    let link = format!(
        "insert into family_link (subscriber_id, link_no, holder_id, invitation_id, invited_until, consent_seq, agreed_at,
            first_month)
        select {a}, 1, holder_id, invitation_id, expires_at, 1, '2026-10-15T12:00:00+08:00', '2026-10-01'
        from family_invitation where subscriber_id = {a}"
    );
    assert_eq!(world.refuser(link).await, "family_link_consent");
    for table in ["consent", "family_link"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    world.db.drop().await;
}

#[tokio::test]
async fn but_with_a_yes_each_of_them() {
    let world = World::with_offers().await;
    for (n, id) in (1..).zip(ids()) {
        let a = world.subscriber(n).await;
        let ordered = world.order(a, &id, now()).await;
        let ordered = match ordered {
            Err(error @ OrderError::Refused(_)) => panic!("{id} cannot be ordered at all: {error:?}"),
            other => other.unwrap(),
        };
        let mut conn = world.db.app.acquire().await.unwrap();
        let services = active(&mut conn, a, later("1:00")).await.unwrap();
        assert_eq!((services.len(), services[0].order_id), (1, ordered.order_id), "{id}");
        world.check_chain(a, 1).await;
    }
    world.db.drop().await;
}
