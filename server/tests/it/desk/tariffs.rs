//! A tariff from the form to the zone, by the addresses that a browser would use.

use axum::http::StatusCode;
use charging::clock::Clock as _;
use charging::staff::Role;
use charging::tariff::draft::store::publish_due;
use chrono::TimeDelta;

use super::{Desk, location, text};

/// The form, with some fields otherwise.
fn form(draft: &str, revision: i32, act: &str, changes: &[(&str, &str)]) -> String {
    let fields = [
        ("scheme_id", "26MB900777"),
        ("name", "明白 39"),
        ("kind", "plan"),
        ("audience", "所有用户"),
        ("regions", "全国"),
        ("channels", "网上营业厅\r\n营业厅"),
        ("on_sale_from", "2026-01-01"),
        ("on_sale_until", "2027-12-31"),
        ("validity", "长期有效，每月自动续，退订前一直收"),
        ("commitment", "无"),
        ("cancel", "网上营业厅、营业厅、短信 10086，月底停"),
        ("penalty", "无"),
        ("restrictions", "仅限境内使用"),
        ("has_terms", "on"),
        ("monthly", "39"),
        ("first_month", "daily"),
        ("cancel_effective", "month_end"),
        ("allowances][0][service", "data"),
        ("allowances][0][quantity", "10GB"),
        ("overage][0][service", "data"),
        ("overage][0][model", "unit"),
        ("overage][0][price", "0.03"),
        ("overage][0][unit", "1MB"),
    ];
    let changed = |field: &str, value: &'static str| {
        changes.iter().find(|(name, _)| *name == field).map_or(value.to_owned(), |(_, value)| (*value).to_owned())
    };
    let mut body = format!("draft={draft}&revision={revision}&act={act}");
    for (field, value) in fields {
        let name = url(&format!("form[{field}]"));
        body.extend(["&", &name, "=", &url(&changed(field, value))]);
    }
    for (field, value) in changes.iter().filter(|(field, _)| fields.iter().all(|(known, _)| known != field)) {
        body.extend(["&", &url(&format!("form[{field}]")), "=", &url(value)]);
    }
    body
}

fn url(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn a_draft_with_faults_is_mended_approved_by_another_and_goes_live() {
    let desk = Desk::new(false).await;
    let manager = desk.member("li.na", &[Role::TariffManager]).await;
    let approver = desk.member("zhou.wei", &[Role::TariffApprover]).await;
    let begun = desk.post(&manager, "/staff/api/new_draft", "how=blank").await;
    let page = location(&begun).to_owned();
    let draft = page.strip_prefix("/staff/tariffs/drafts/").expect("it opens the draft");
    let three = [("monthly", "39.999"), ("notes", "具体以当地营业厅为准"), ("validity", "")];
    let saved = desk.post(&manager, "/staff/api/save_draft", &form(draft, 1, "", &three)).await;
    assert_eq!(location(&saved), format!("{page}?ok=saved"));
    let shown = text(desk.get(&manager, &page).await).await;
    for words in ["有 3 处必须改", "请写金额", "这个说法没有说定", "公示要素不全"] {
        assert!(shown.contains(words), "{words}");
    }
    let early = desk.post(&manager, "/staff/api/submit_draft", &format!("draft={draft}&revision=2")).await;
    assert_eq!(location(&early), format!("{page}?problem=faults"));
    let live = desk.post(&manager, "/staff/api/check_draft", &form(draft, 2, "", &three)).await;
    assert_ne!(live.status(), StatusCode::INTERNAL_SERVER_ERROR);

    let rows = desk.post(&manager, "/staff/api/save_draft", &form(draft, 2, "add_allowance", &[])).await;
    assert_eq!(location(&rows), format!("{page}#allowances"));
    let gone = desk
        .post(
            &manager,
            "/staff/api/save_draft",
            &form(draft, 3, "remove_allowance%3A1", &[("allowances][1][service", "voice")]),
        )
        .await;
    assert_eq!(location(&gone), format!("{page}#allowances"));
    let shown = text(desk.get(&manager, &page).await).await;
    assert!(shown.contains("没有发现问题"), "{shown}");
    let file = desk.get(&manager, &format!("{page}/tariff.json")).await;
    assert!(text(file).await.contains("\"mingbai-tariffs/1\""));

    let submitted = desk.post(&manager, "/staff/api/submit_draft", &format!("draft={draft}&revision=4")).await;
    let submission = location(&submitted).split('?').next().unwrap().to_owned();
    let number = submission.strip_prefix("/staff/tariffs/submissions/").expect("it opens the submission").to_owned();
    let own = desk.post(&manager, "/staff/api/decide_tariff", &format!("submission={number}&verdict=approved")).await;
    assert_eq!(own.status(), StatusCode::FORBIDDEN);
    let shown = text(desk.get(&approver, &submission).await).await;
    assert!(shown.contains("这是新资费") && shown.contains("verdict"), "{shown}");
    let back = desk.post(&approver, "/staff/api/decide_tariff", &format!("submission={number}&verdict=returned")).await;
    assert_eq!(location(&back), format!("{submission}?problem=no_comment"));
    let yes = desk.post(&approver, "/staff/api/decide_tariff", &format!("submission={number}&verdict=approved")).await;
    assert_eq!(location(&yes), format!("{submission}?ok=approved"));

    assert_eq!(desk.get("", "/tariffs/26MB900777").await.status(), StatusCode::NOT_FOUND);
    let mut tx = desk.db.app.begin().await.unwrap();
    assert_eq!(publish_due(&mut tx, &*desk.clock).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    let shown = text(desk.get("", "/tariffs/26MB900777").await).await;
    assert!(shown.contains("公示中") && !shown.contains("/me/order/26MB900777"), "not sold yet");
    desk.clock.set(desk.clock.now() + TimeDelta::hours(24));
    let shown = text(desk.get("", "/tariffs/26MB900777").await).await;
    assert!(shown.contains("/me/order/26MB900777"), "sold after a day");
    desk.close().await;
}

#[tokio::test]
async fn who_saves_over_somebody_else_loses_nothing() {
    let desk = Desk::new(false).await;
    let li = desk.member("li.na", &[Role::TariffManager]).await;
    let wang = desk.member("wang.wu", &[Role::TariffManager]).await;
    let begun = desk.post(&li, "/staff/api/new_draft", "how=blank").await;
    let page = location(&begun).to_owned();
    let draft = page.strip_prefix("/staff/tariffs/drafts/").unwrap();
    desk.post(&li, "/staff/api/save_draft", &form(draft, 1, "", &[])).await;
    let late = desk.post(&wang, "/staff/api/save_draft", &form(draft, 1, "", &[("name", "另一个名字")])).await;
    let apart = location(&late);
    assert!(apart.ends_with("?ok=apart") && !apart.starts_with(&page), "{apart}");
    let shown = text(desk.get(&wang, apart).await).await;
    assert!(shown.contains("另一个名字") && shown.contains("没有丢"));
    desk.close().await;
}
