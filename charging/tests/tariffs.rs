//! The published tariffs against a real database.

use charging::clock::start_of_day;
use charging::tariff::file::read_tariffs;
use charging::tariff::own_format;
use charging::tariff::store::{self, Outcome, Publication, StoreError};
use charging::tariff::withdrawal::testing::withdraw;
use charging::tariff::{Included, Kind, Sale, SchemeId, TariffContent, TariffVersion, Terms, ZoneQuery, ZoneSort};
use charging::testing::TestDatabase;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use sqlx::PgPool;
use std::ops::ControlFlow;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    start_of_day(day("2026-11-20")) + TimeDelta::hours(9)
}

fn id(serial: u32) -> SchemeId {
    format!("26MB{serial:06}").parse().unwrap()
}

fn tariff(serial: u32, name: &str) -> TariffContent {
    TariffContent {
        scheme_id: id(serial),
        operator_id: "mingbai".to_owned(),
        name: name.to_owned(),
        kind: Kind::Plan,
        audience: "所有人".to_owned(),
        regions: vec!["全国".to_owned()],
        channels: vec!["网上营业厅".to_owned()],
        on_sale_from: day("2026-01-01"),
        on_sale_until: day("2027-12-31"),
        validity: "长期有效".to_owned(),
        commitment: "无".to_owned(),
        cancel: "随时".to_owned(),
        penalty: "无".to_owned(),
        restrictions: vec!["流量不可转赠".to_owned()],
        notes: String::new(),
        price_text: format!("{serial}元/月"),
        services_text: String::new(),
        overage_text: String::new(),
        category: String::new(),
        included: Included::default(),
        terms: None,
    }
}

fn terms(price: &str) -> Terms {
    serde_json::from_value(serde_json::json!({
        "recurring": {"price": price, "first_month": "daily"}, "cancel_effective": "month_end",
        "allowances": [{"service": "data", "quantity": "20GB", "rollover": true}, {"service": "voice", "quantity": "300min"}],
        "overage": [{"service": "data", "model": "ladder", "price": "0.03", "unit": "1MB", "block_price": "3.00", "block": "1GB"}]
    }))
    .unwrap()
}

async fn publish(pool: &PgPool, contents: &[TariffContent], at: DateTime<Utc>) -> Vec<Outcome> {
    let batch: Vec<Publication> = contents.iter().cloned().map(Publication::from).collect();
    publish_all(pool, &batch, at).await
}

async fn publish_all(pool: &PgPool, batch: &[Publication], at: DateTime<Utc>) -> Vec<Outcome> {
    let mut transaction = pool.begin().await.unwrap();
    let outcomes = store::publish(&mut transaction, batch, at).await.unwrap();
    transaction.commit().await.unwrap();
    outcomes
}

async fn names(pool: &PgPool, query: &ZoneQuery) -> Vec<String> {
    let page = store::zone(&mut pool.acquire().await.unwrap(), query, now()).await.unwrap();
    assert_eq!(usize::try_from(page.total), Ok(page.items.len()));
    page.items.into_iter().map(|listing| listing.name).collect()
}

fn refused(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused { reason } => reason,
        other => panic!("{other:?} is no refusal"),
    }
}

#[tokio::test]
async fn the_same_content_is_one_version_and_other_content_the_next() {
    let database = TestDatabase::create().await;
    let first = TariffContent { terms: Some(terms("59.00")), ..tariff(1, "清风") };
    let second = TariffContent { name: "清风二版".to_owned(), ..first.clone() };
    let outcomes = publish(&database.app, &[first.clone(), second.clone(), first.clone()], now()).await;
    let expected =
        [Outcome::Accepted { version: 1 }, Outcome::Accepted { version: 2 }, Outcome::Unchanged { version: 1 }];
    assert_eq!(outcomes, expected);
    let again = publish(&database.app, &[second.clone(), first.clone()], now() + TimeDelta::days(1)).await;
    assert_eq!(again, [Outcome::Unchanged { version: 2 }, Outcome::Unchanged { version: 1 }]);

    let mut conn = database.app.acquire().await.unwrap();
    let newest = store::find(&mut conn, &id(1)).await.unwrap().unwrap();
    assert_eq!((newest.version, &newest.content, newest.published_at), (2, &second, now()));
    let oldest = store::version(&mut conn, &id(1), 1).await.unwrap().unwrap();
    assert_eq!((oldest.content, oldest.published_at), (first.clone(), start_of_day(first.on_sale_from)));
    let versions = store::versions(&mut conn, &id(1)).await.unwrap();
    assert_eq!(versions.iter().map(|version| version.version).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(store::find(&mut conn, &id(2)).await.unwrap(), None);
    assert_eq!(store::version(&mut conn, &id(1), 3).await.unwrap(), None);
    drop(conn);
    assert_eq!(names(&database.app, &ZoneQuery::default()).await, ["清风二版"]);
    database.drop().await;
}

#[tokio::test]
async fn a_tariff_that_is_not_on_sale_yet_is_public_from_now_on() {
    let database = TestDatabase::create().await;
    let upcoming = TariffContent { on_sale_from: day("2027-01-01"), ..tariff(1, "明年") };
    publish(&database.app, &[upcoming], now()).await;
    let published = store::find(&mut database.app.acquire().await.unwrap(), &id(1)).await.unwrap().unwrap();
    assert_eq!(published.published_at, now());
    assert!(names(&database.app, &ZoneQuery::default()).await.is_empty());
    assert_eq!(names(&database.app, &ZoneQuery { sale: Sale::Off, ..ZoneQuery::default() }).await, ["明年"]);
    database.drop().await;
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_and_the_others_go_in() {
    let database = TestDatabase::create().await;
    publish(&database.app, &[tariff(1, "清风")], now()).await;
    let stranger = TariffContent { operator_id: "nobody".to_owned(), ..tariff(2, "无主") };
    let stolen = TariffContent { operator_id: "unicom".to_owned(), ..tariff(1, "别家") };
    let early = Publication { published_at: Some(now() + TimeDelta::hours(1)), ..tariff(3, "未来").into() };
    let skipping = Publication { version: Some(3), ..tariff(1, "跳号").into() };
    let before = Publication { published_at: Some(now() - TimeDelta::days(400)), ..tariff(1, "倒退").into() };
    let batch = [stranger.into(), stolen.into(), early, skipping, before, tariff(4, "好").into()];
    let outcomes = publish_all(&database.app, &batch, now()).await;
    let reasons = ["not known", "belongs to operator mingbai", "future", "next version of 26MB000001 is 2", "before"];
    for (outcome, reason) in outcomes.iter().zip(reasons) {
        assert!(refused(outcome).contains(reason), "{outcome:?}");
    }
    assert_eq!(outcomes[5], Outcome::Accepted { version: 1 });
    database.drop().await;
}

#[tokio::test]
async fn words_are_found_in_any_script_and_width() {
    let database = TestDatabase::create().await;
    let texts = [
        (1, "清风套餐", "每月含国内流量，可结转"),
        (2, "明月卡", "清风徐来，含５Ｇ优享服务"),
        (3, "山海计划", "流动的盛宴，数量有限"),
        (4, "OCEAN Plan", "ocean breeze"),
    ];
    let contents: Vec<TariffContent> = texts
        .into_iter()
        .map(|(serial, name, text)| TariffContent { services_text: text.to_owned(), ..tariff(serial, name) })
        .collect();
    publish(&database.app, &contents, now()).await;
    for (text, expected) in [
        ("清风", vec!["清风套餐", "明月卡"]),
        ("风", vec!["清风套餐", "明月卡"]),
        ("流量", vec!["清风套餐", "明月卡", "山海计划", "OCEAN Plan"]),
        ("国内流量", vec!["清风套餐"]),
        ("流动的盛宴", vec!["山海计划"]),
        ("盛宴的流动", vec![]),
        ("5g优享", vec!["明月卡"]),
        ("５Ｇ　清风", vec!["明月卡"]),
        ("Ocean", vec!["OCEAN Plan"]),
        ("ｏｃｅａｎ breeze", vec!["OCEAN Plan"]),
        ("26mb000003", vec!["山海计划"]),
        ("%_'", vec![]),
    ] {
        let query = ZoneQuery { text: text.to_owned(), ..ZoneQuery::default() };
        assert_eq!(names(&database.app, &query).await, expected, "{text}");
    }
    database.drop().await;
}

#[tokio::test]
async fn filters_narrow_and_facets_count_without_their_own_filter() {
    let database = TestDatabase::create().await;
    let included = |gigabytes: i64, minutes| Included {
        general_data_gb: Some(Decimal::from(gigabytes)),
        voice_minutes: Some(minutes),
        ..Included::default()
    };
    let contents = [
        TariffContent { included: included(10, 100), regions: vec!["北京".to_owned()], ..tariff(10, "京十") },
        TariffContent {
            included: included(30, 50),
            regions: vec!["天津".to_owned()],
            commitment: "24个月".to_owned(),
            operator_id: "mobile".to_owned(),
            ..tariff(30, "津三十")
        },
        TariffContent { kind: Kind::Addon, price_text: "5元/次".to_owned(), ..tariff(5, "次包") },
        TariffContent { terms: Some(terms("20.00")), price_text: String::new(), ..tariff(20, "有条款") },
        TariffContent { on_sale_until: day("2026-11-19"), ..tariff(1, "已停") },
    ];
    publish(&database.app, &contents, now()).await;
    let ask = ZoneQuery::default;
    let some = |text: &str| Some(text.to_owned());
    let yuan = |amount: i64| Some(Decimal::from(amount));
    for (query, expected) in [
        (ask(), vec!["京十", "有条款", "津三十", "次包"]),
        (ZoneQuery { region: some("北京"), ..ask() }, vec!["京十", "有条款", "次包"]),
        (ZoneQuery { region: some("全国"), ..ask() }, vec!["有条款", "次包"]),
        (ZoneQuery { operator: some("mobile"), ..ask() }, vec!["津三十"]),
        (ZoneQuery { kind: Some(Kind::Addon), ..ask() }, vec!["次包"]),
        (ZoneQuery { price_min: yuan(10), price_max: yuan(20), ..ask() }, vec!["京十", "有条款"]),
        (ZoneQuery { data_min: Some(20 << 30), ..ask() }, vec!["有条款", "津三十"]),
        (ZoneQuery { voice_min: Some(100), ..ask() }, vec!["京十", "有条款"]),
        (ZoneQuery { commitment: Some(true), ..ask() }, vec!["津三十"]),
        (ZoneQuery { commitment: Some(false), ..ask() }, vec!["京十", "有条款", "次包"]),
        (ZoneQuery { sale: Sale::Off, ..ask() }, vec!["已停"]),
        (ZoneQuery { sort: Some(ZoneSort::PriceDesc), ..ask() }, vec!["津三十", "有条款", "京十", "次包"]),
        (ZoneQuery { sort: Some(ZoneSort::DataDesc), ..ask() }, vec!["津三十", "有条款", "京十", "次包"]),
        (ZoneQuery { sort: Some(ZoneSort::VoiceDesc), ..ask() }, vec!["有条款", "京十", "津三十", "次包"]),
    ] {
        assert_eq!(names(&database.app, &query).await, expected, "{query:?}");
    }
    let mut conn = database.app.acquire().await.unwrap();
    let query = ZoneQuery { operator: some("mobile"), ..ask() };
    let page = store::zone(&mut conn, &query, now()).await.unwrap();
    let counts = |facets: Vec<charging::tariff::Facet>| -> Vec<(String, u64)> {
        facets.into_iter().map(|facet| (facet.value, facet.count)).collect()
    };
    assert_eq!(counts(page.operators), [("mingbai".to_owned(), 3), ("mobile".to_owned(), 1)]);
    assert_eq!(counts(page.regions), [("天津".to_owned(), 1)]);
    assert_eq!(counts(page.kinds), [("plan".to_owned(), 1)]);
    let item = &page.items[0];
    assert_eq!((item.price, item.data_bytes, item.has_commitment), (yuan(30), Some(30 << 30), true));
    assert_eq!((item.commitment.as_str(), item.restrictions.as_slice()), ("24个月", &["流量不可转赠".to_owned()][..]));
    assert!(!item.orderable);
    drop(conn);
    database.drop().await;
}

#[tokio::test]
async fn withdrawn_tariffs_are_off_sale_from_that_instant() {
    let database = TestDatabase::create().await;
    publish(&database.app, &[tariff(1, "清风"), tariff(2, "明月")], now()).await;
    let mut conn = database.app.acquire().await.unwrap();
    withdraw(&mut conn, "26MB000001", now()).await;
    assert_eq!(names(&database.app, &ZoneQuery::default()).await, ["明月"]);
    let off = ZoneQuery { sale: Sale::Off, ..ZoneQuery::default() };
    let page = store::zone(&mut conn, &off, now()).await.unwrap();
    assert_eq!((page.items[0].name.as_str(), page.items[0].withdrawn_at), ("清风", Some(now())));
    let before = now() - TimeDelta::seconds(1);
    assert_eq!(store::zone(&mut conn, &ZoneQuery::default(), before).await.unwrap().total, 2);
    assert_eq!(store::withdrawn_at(&mut conn, &id(1)).await.unwrap(), Some(now()));
    assert_eq!(store::withdrawn_at(&mut conn, &id(2)).await.unwrap(), None);
    drop(conn);
    database.drop().await;
}

#[tokio::test]
async fn pages_neither_overlap_nor_leave_anything_out() {
    let database = TestDatabase::create().await;
    let contents: Vec<TariffContent> =
        (1..=57).map(|serial| TariffContent { price_text: "9元/月".to_owned(), ..tariff(serial, "同名") }).collect();
    publish(&database.app, &contents, now()).await;
    let mut conn = database.app.acquire().await.unwrap();
    for sort in ZoneSort::ALL {
        let mut seen = Vec::new();
        for page in 1..=6 {
            let query =
                ZoneQuery { text: "同".to_owned(), sort: Some(sort), page, page_size: 10, ..ZoneQuery::default() };
            let answer = store::zone(&mut conn, &query, now()).await.unwrap();
            assert_eq!((answer.total, answer.pages()), (57, 6));
            seen.extend(answer.items.into_iter().map(|listing| listing.scheme_id));
        }
        seen.sort();
        assert_eq!(seen, (1..=57).map(id).collect::<Vec<_>>(), "{sort:?}");
    }
    let beyond = ZoneQuery { page: 7, page_size: 10, ..ZoneQuery::default() };
    assert!(store::zone(&mut conn, &beyond, now()).await.unwrap().items.is_empty());
    let ids = store::matching_ids(&mut conn, &ZoneQuery::default(), now()).await.unwrap();
    assert_eq!(ids.len(), 57);
    drop(conn);
    database.drop().await;
}

#[tokio::test]
async fn a_next_version_leaves_the_one_before_in_force_until_its_first_day() {
    let database = TestDatabase::create().await;
    let first = TariffContent { terms: Some(terms("59.00")), ..tariff(1, "清风") };
    let second = TariffContent { terms: Some(terms("69.00")), on_sale_from: day("2026-12-01"), ..first.clone() };
    let other = TariffContent { terms: Some(terms("79.00")), ..tariff(2, "明月") };
    publish(&database.app, &[first, other.clone()], now() - TimeDelta::days(3)).await;
    publish(&database.app, &[second], now() - TimeDelta::days(1)).await;
    let december = start_of_day(day("2026-12-01"));
    let mut conn = database.app.acquire().await.unwrap();
    let ids = [id(1).to_string()];
    for (at, version, announced, displayed) in [(now(), 1, Some(december), &[1, 2][..]), (december, 2, None, &[2])] {
        let shelf = store::zone(&mut conn, &ZoneQuery { text: "清风".to_owned(), ..ZoneQuery::default() }, at).await;
        let listing = shelf.unwrap().items.pop().expect("it is on sale all the time");
        assert_eq!((listing.version, listing.is_sold, listing.takes_over_at), (2, true, december), "{at}");
        assert_eq!(store::orderable(&mut conn, &ids, at).await.unwrap()[0].version, version, "{at}");
        let current = store::many(&mut conn, &[id(1)], at).await.unwrap().pop().unwrap();
        assert_eq!((current.tariff.version, current.announced), (version, announced), "{at}");
        let shown = store::on_display(&mut conn, &ids, at).await.unwrap();
        assert_eq!(shown.iter().map(|tariff| tariff.version).collect::<Vec<_>>(), displayed, "{at}");
        let beside = store::plans_beside(&mut conn, &other, 4, at).await.unwrap();
        assert_eq!(beside.iter().map(|tariff| tariff.version).collect::<Vec<_>>(), [version], "{at}");
    }
    drop(conn);
    database.drop().await;
}

#[tokio::test]
async fn at_most_four_are_compared_in_the_order_asked_for() {
    let database = TestDatabase::create().await;
    let contents: Vec<TariffContent> = (1..=5).map(|serial| tariff(serial, "比")).collect();
    publish(&database.app, &contents, now()).await;
    let mut conn = database.app.acquire().await.unwrap();
    let found = store::many(&mut conn, &[id(3), id(1), id(99)], now()).await.unwrap();
    assert_eq!(found.iter().map(|found| found.tariff.content.scheme_id.clone()).collect::<Vec<_>>(), [id(3), id(1)]);
    let five: Vec<SchemeId> = (1..=5).map(id).collect();
    assert!(matches!(store::many(&mut conn, &five, now()).await, Err(StoreError::TooManyToCompare)));
    drop(conn);
    database.drop().await;
}

async fn everything(pool: &PgPool) -> Vec<TariffVersion> {
    let mut conn = pool.acquire().await.unwrap();
    let ids = store::ids_after(&mut conn, "", 1000).await.unwrap();
    store::histories(&mut conn, &ids).await.unwrap()
}

#[tokio::test]
async fn an_exported_file_makes_the_same_rows_again() {
    let (from, to) = (TestDatabase::create().await, TestDatabase::create().await);
    let first = TariffContent {
        terms: Some(terms("59.00")), notes: "两行\n“引号”\\".to_owned(), ..tariff(1, "清风")
    };
    let second =
        TariffContent {
            terms: None, operator_id: "mingbai".to_owned(), name: "清风二版".to_owned(), ..first.clone()
        };
    let shown = TariffContent {
        operator_id: "unicom".to_owned(),
        included: Included { directed_data_gb: Some("0.49".parse().unwrap()), ..Included::default() },
        services_text: "<p>含来电显示</p>".to_owned(),
        ..tariff(2, "联")
    };
    publish(&from.app, &[first, shown], now() - TimeDelta::days(3)).await;
    publish(&from.app, &[second], now() - TimeDelta::milliseconds(1)).await;

    let rows = everything(&from.app).await;
    assert_eq!(rows.len(), 3);
    let lines: Vec<String> = rows.iter().map(own_format::write).collect();
    let file = format!("{{\"format\":\"{}\",\"tariffs\":[{}]}}", own_format::FORMAT, lines.join(","));
    let mut batch = Vec::new();
    read_tariffs(file.as_bytes(), &mut |element| {
        batch.push(element.parsed.unwrap());
        ControlFlow::Continue(())
    })
    .unwrap();
    let outcomes = publish_all(&to.app, &batch, now()).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted { .. })), "{outcomes:?}");
    assert_eq!(everything(&to.app).await, rows);
    let again = publish_all(&to.app, &batch, now()).await;
    assert!(again.iter().all(|outcome| matches!(outcome, Outcome::Unchanged { .. })), "{again:?}");
    from.drop().await;
    to.drop().await;
}
