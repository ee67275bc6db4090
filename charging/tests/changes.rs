//! What changed on public display, and the plans beside a plan, against a real database.

use charging::clock::start_of_day;
use charging::tariff::changes::{ChangeKind, Changes};
use charging::tariff::difference::Element;
use charging::tariff::store::{self, CHANGES_PAGE_SIZE, Outcome, Publication};
use charging::tariff::{TariffContent, own_format};
use charging::testing::TestDatabase;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::PgPool;

fn day(text: &str) -> DateTime<Utc> {
    start_of_day(text.parse::<NaiveDate>().unwrap())
}

/// A nationwide plan, on sale for two years.
fn plan(serial: u32, operator: &str, price: &str) -> TariffContent {
    let json = format!(
        r#"{{"scheme_id":"26MB{serial:06}","operator":"{operator}","name":"套餐 {serial}","kind":"plan","audience":"所有人",
        "regions":["全国"],"channels":["网上营业厅"],"on_sale_from":"2026-01-01","on_sale_until":"2027-12-31","validity":"一年",
        "commitment":"无","cancel":"随时","penalty":"无","restrictions":[],"notes":"",
        "terms":{{"recurring":{{"price":"{price}","first_month":"daily"}},"cancel_effective":"month_end"}}}}"#
    );
    own_format::parse(&json).unwrap().content
}

async fn publish(pool: &PgPool, contents: Vec<TariffContent>, at: DateTime<Utc>) {
    let batch: Vec<Publication> =
        contents.into_iter().map(|content| Publication { published_at: Some(at), ..content.into() }).collect();
    let mut transaction = pool.begin().await.unwrap();
    let outcomes = store::publish(&mut transaction, &batch, at).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted { .. })), "{outcomes:?}");
    transaction.commit().await.unwrap();
}

async fn withdraw(pool: &PgPool, scheme_id: &str, at: DateTime<Utc>) {
    charging::tariff::withdrawal::testing::withdraw(&mut pool.acquire().await.unwrap(), scheme_id, at).await;
}

async fn changes(pool: &PgPool, operator: Option<&str>, page: u32, at: DateTime<Utc>) -> Changes {
    store::changes(&mut pool.acquire().await.unwrap(), operator, page, at).await.unwrap()
}

fn told(changes: &Changes) -> Vec<String> {
    let line = |change: &charging::tariff::changes::Change| {
        format!("{} {} v{}", change.kind.as_str(), change.scheme_id, change.version)
    };
    changes.items.iter().map(line).collect()
}

#[tokio::test]
async fn what_changed_is_told_from_the_newest_once_it_is_so() {
    let database = TestDatabase::create().await;
    let pool = &database.owner;
    publish(pool, vec![plan(1, "mingbai", "59.00"), plan(2, "mobile", "69.00")], day("2026-01-01")).await;
    let short = TariffContent { on_sale_until: "2026-04-30".parse().unwrap(), ..plan(3, "mobile", "9.00") };
    publish(pool, vec![short], day("2026-02-01")).await;
    publish(pool, vec![plan(1, "mingbai", "49.00")], day("2026-03-01")).await;
    withdraw(pool, "26MB000002", day("2026-05-02")).await;

    let all = changes(pool, None, 1, day("2026-06-01")).await;
    assert_eq!(
        told(&all),
        [
            "withdrawn 26MB000002 v1",
            "off_sale 26MB000003 v1",
            "new_version 26MB000001 v2",
            "new 26MB000003 v1",
            "new 26MB000001 v1",
            "new 26MB000002 v1",
        ]
    );
    assert_eq!(all.items[0].kind, ChangeKind::Withdrawn("停售".to_owned()));
    assert_eq!(all.items[1].at, day("2026-05-01"), "off sale from the first instant after its last day");
    assert_eq!(all.items[2].kind, ChangeKind::NewVersion(vec![Element::Fee]));
    assert_eq!(all.items[2].name, "套餐 1");
    assert!(!all.has_more);

    let own = changes(pool, Some("mingbai"), 1, day("2026-06-01")).await;
    assert_eq!(told(&own), ["new_version 26MB000001 v2", "new 26MB000001 v1"]);
    assert!(changes(pool, Some("unicom"), 1, day("2026-06-01")).await.items.is_empty());

    let last_day = changes(pool, None, 1, day("2026-05-01") - TimeDelta::microseconds(1)).await;
    assert_eq!(told(&last_day)[0], "new_version 26MB000001 v2", "what is yet to come is told by nobody");
    database.drop().await;
}

#[tokio::test]
async fn what_was_withdrawn_before_its_last_day_is_told_once() {
    let database = TestDatabase::create().await;
    let pool = &database.owner;
    let short = TariffContent { on_sale_until: "2026-04-30".parse().unwrap(), ..plan(3, "mobile", "9.00") };
    publish(pool, vec![short], day("2026-02-01")).await;
    withdraw(pool, "26MB000003", day("2026-04-02")).await;
    let all = changes(pool, None, 1, day("2026-06-01")).await;
    assert_eq!(told(&all), ["withdrawn 26MB000003 v1", "new 26MB000003 v1"]);
    database.drop().await;
}

#[tokio::test]
async fn pages_neither_overlap_nor_leave_out() {
    let database = TestDatabase::create().await;
    let pool = &database.owner;
    // All at the same instant: their ids alone tell them apart.
    publish(pool, (1..=120).map(|n| plan(n, "mobile", "9.00")).collect(), day("2026-01-01")).await;
    publish(pool, (1..=10).map(|n| plan(n, "mobile", "8.00")).collect(), day("2026-01-01")).await;
    let mut seen = Vec::new();
    for (page, has_more) in [(1, true), (2, true), (3, false)] {
        let found = changes(pool, None, page, day("2026-02-01")).await;
        assert_eq!((found.page, found.has_more), (page, has_more));
        assert!(found.items.len() <= usize::try_from(CHANGES_PAGE_SIZE).unwrap());
        seen.extend(told(&found));
    }
    let unique: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), unique.len()), (130, 130));
    assert!(changes(pool, None, 4, day("2026-02-01")).await.items.is_empty());
    database.drop().await;
}

#[tokio::test]
async fn the_plans_beside_are_those_that_one_would_choose_between() {
    let database = TestDatabase::create().await;
    let pool = &database.owner;
    let now = day("2026-06-01");
    let elsewhere = TariffContent { regions: vec!["北京".to_owned()], ..plan(6, "mobile", "50.00") };
    let bare = TariffContent { terms: None, ..plan(7, "mobile", "50.00") };
    let over = TariffContent { on_sale_until: "2026-05-31".parse().unwrap(), ..plan(8, "mobile", "50.00") };
    let addon = TariffContent { kind: charging::tariff::Kind::Addon, ..plan(9, "mobile", "50.00") };
    let near = [(1, "30.00"), (2, "45.00"), (3, "60.00"), (4, "100.00"), (5, "50.00")];
    let mut contents: Vec<TariffContent> = near.map(|(serial, price)| plan(serial, "mobile", price)).into();
    contents.extend([elsewhere, bare, over, addon, plan(10, "mingbai", "50.00"), plan(11, "mobile", "51.00")]);
    publish(pool, contents, day("2026-01-01")).await;
    withdraw(pool, "26MB000011", day("2026-05-01")).await;
    let shanghai = TariffContent { regions: vec!["上海".to_owned()], ..plan(5, "mobile", "50.00") };
    let beside = |content: TariffContent| async move {
        let plans = store::plans_beside(&mut pool.acquire().await.unwrap(), &content, 3, now).await.unwrap();
        plans.iter().map(|plan| plan.content.scheme_id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(beside(shanghai).await, ["26MB000001", "26MB000002", "26MB000003"]);
    let beijing = TariffContent { regions: vec!["北京".to_owned()], ..plan(5, "mobile", "50.00") };
    assert_eq!(beside(beijing).await, ["26MB000002", "26MB000006", "26MB000003"]);
    database.drop().await;
}
