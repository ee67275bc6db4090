use super::*;
use crate::tariff::{Included, Kind};

fn content(serial: u32, price: &str, data: &str) -> TariffContent {
    let terms = format!(
        r#"{{"recurring":{{"price":"{price}","first_month":"daily"}},"cancel_effective":"month_end",
        "allowances":[{{"service":"data","quantity":"{data}"}},{{"service":"voice","quantity":"300min"}}],
        "overage":[{{"service":"data","model":"block","price":"3.00","block":"1GB"}}]}}"#
    );
    TariffContent {
        scheme_id: format!("26MB{serial:06}").parse().unwrap(),
        operator_id: "mingbai".to_owned(),
        name: format!("畅享 {serial}"),
        kind: Kind::Plan,
        audience: "所有个人用户".to_owned(),
        regions: vec!["全国".to_owned()],
        channels: vec!["网上营业厅".to_owned()],
        on_sale_from: "2026-01-01".parse().unwrap(),
        on_sale_until: "2027-12-31".parse().unwrap(),
        validity: "长期有效".to_owned(),
        commitment: "无".to_owned(),
        cancel: "网上营业厅".to_owned(),
        penalty: "无".to_owned(),
        restrictions: vec!["只在中国内地使用".to_owned()],
        notes: String::new(),
        price_text: String::new(),
        services_text: String::new(),
        overage_text: String::new(),
        category: String::new(),
        included: Included::default(),
        terms: Some(serde_json::from_str(&terms).unwrap()),
    }
}

fn board(contents: Vec<TariffContent>) -> Vec<OnSale> {
    let at: DateTime<Utc> = "2026-01-01T00:00:00+08:00".parse().unwrap();
    let on_sale = |content| OnSale {
        tariff: TariffVersion { version: 1, published_at: at, orderable_from: at, content },
        announced: None,
        first_published_at: at,
        subscribers: 0,
        joined: 0,
        complaints: 0,
        monthly: Decimal::ZERO,
    };
    contents.into_iter().map(on_sale).collect()
}

#[test]
fn dearer_with_less_in_it_is_needless() {
    let board = board(vec![content(1, "59.00", "20GB"), content(2, "69.00", "20GB"), content(3, "99.00", "60GB")]);
    assert_eq!(needless(&board), [Pair { kept: 0, other: 1 }]);
    assert_eq!(alike(&board), [], "the one is named as needless already");
}

#[test]
fn who_may_not_have_the_better_one_needs_his_own() {
    let better = content(1, "59.00", "20GB");
    let changes: [fn(&mut TariffContent); 6] = [
        |better| better.audience = "在校大学生".to_owned(),
        |better| better.regions = vec!["北京".to_owned()],
        |better| better.channels = vec!["营业厅".to_owned()],
        |better| better.restrictions.push("每个身份证只能办理一张".to_owned()),
        |better| better.kind = Kind::Addon,
        |better| better.terms = None,
    ];
    let worse = content(2, "69.00", "20GB");
    assert!(makes_needless(&better, &worse));
    for (n, change) in changes.into_iter().enumerate() {
        let mut better = better.clone();
        change(&mut better);
        assert!(!makes_needless(&better, &worse), "{n}");
    }
    let mut with_films = worse.clone();
    with_films.services_text = "送视频会员".to_owned();
    assert!(!makes_needless(&better, &with_films));
}

#[test]
fn two_that_say_the_same_need_each_other() {
    let board = board(vec![content(1, "59.00", "20GB"), content(2, "59.00", "20GB")]);
    assert_eq!((needless(&board), alike(&board)), (vec![], vec![]));
}

#[test]
fn alike_are_those_with_about_the_same_at_another_price() {
    let pairs = |other| alike(&board(vec![content(1, "59.00", "20GB"), other]));
    assert_eq!(pairs(content(2, "69.00", "25GB")), [Pair { kept: 0, other: 1 }]);
    assert_eq!(pairs(content(2, "69.00", "26GB")), []);
    assert_eq!(pairs(content(2, "59.00", "24GB")), [], "one price");
    let mut students = content(2, "69.00", "25GB");
    students.audience = "在校大学生".to_owned();
    assert_eq!(pairs(students), []);
}

#[test]
fn instead_is_what_makes_it_needless_or_grants_as_much_or_costs_about_as_much() {
    let gone = content(9, "59.00", "20GB");
    let of = |staying: &[TariffContent]| instead(&gone, staying.iter()).map(ToString::to_string);
    let (better, larger, near, far) = (
        content(1, "55.00", "20GB"),
        content(2, "79.00", "30GB"),
        content(3, "49.00", "10GB"),
        content(4, "9.00", "1GB"),
    );
    assert_eq!(of(&[far.clone(), near.clone(), larger.clone(), better]).as_deref(), Some("26MB000001"));
    assert_eq!(of(&[far.clone(), near.clone(), larger]).as_deref(), Some("26MB000002"));
    assert_eq!(of(&[far, near]).as_deref(), Some("26MB000003"));
    assert_eq!(of(std::slice::from_ref(&gone)), None);
}
