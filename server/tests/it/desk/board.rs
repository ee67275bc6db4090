//! The board of what is on sale, and a plan to take some of it off sale, over HTTP.

use std::ops::ControlFlow;

use axum::http::StatusCode;
use charging::clock::{Clock as _, local_date};
use charging::staff::Role;
use charging::tariff::clarity::Rule;
use charging::tariff::clarity::store::read_again;
use charging::tariff::file::read_tariffs;
use charging::tariff::store::{Publication, find, publish};
use chrono::{Days, TimeDelta};

use super::{Desk, location, text};

/// 65 yuan a month; 畅享 59 makes it needless.
const NEEDLESS: &str = "24MB900022";

async fn publish_demo(desk: &Desk) {
    let mut batch = Vec::new();
    let file: &[u8] = include_bytes!("../../../src/demo/tariffs.json");
    let take = &mut |element: charging::tariff::file::Element| {
        batch.push(element.parsed.unwrap());
        ControlFlow::Continue(())
    };
    read_tariffs(file, take).unwrap();
    let mut tx = desk.db.app.begin().await.unwrap();
    publish(&mut tx, &batch, desk.clock.now()).await.unwrap();
    read_again(&mut tx, 1000).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_is_unclear_is_public_with_the_rules() {
    let desk = Desk::new(false).await;
    publish_demo(&desk).await;
    let rules = text(desk.get("", "/tariffs/rules").await).await;
    for rule in Rule::ALL {
        assert!(rules.contains(&format!("id=\"{rule}\"")), "{rule}");
    }
    for query in ["", "?rule=vague-term", "?rule=nonsense&page=99999&region=%00", "?operator=mingbai&region=全国"] {
        let response = desk.get("", &format!("/tariffs/clarity{}", query.replace("全国", "%E5%85%A8%E5%9B%BD"))).await;
        assert_eq!(response.status(), StatusCode::OK, "{query}");
        let page = text(response).await;
        assert!(page.contains("<svg") && page.contains("明白通信"), "{query}");
    }
    desk.close().await;
}

#[tokio::test]
async fn two_take_off_sale_what_the_board_shows_as_needless() {
    let desk = Desk::new(false).await;
    publish_demo(&desk).await;
    let manager = desk.member("manager", &[Role::TariffManager]).await;
    let approver = desk.member("approver", &[Role::TariffApprover]).await;
    let board = text(desk.get(&manager, "/staff/tariffs/board").await).await;
    assert!(board.contains("多余：畅享 59 更好"), "{board}");
    let compared = "/tariffs/compare?id=24MB900006&amp;id=24MB900023";
    assert!(board.contains(compared) || board.contains(&compared.replace("&amp;", "&")), "79 and 85 are alike");
    let effect = text(desk.get(&manager, &format!("/staff/tariffs/board/effect?id={NEEDLESS}")).await).await;
    assert!(effect.contains("畅享 59") && effect.contains("每月少 6.00 元"), "{effect}");
    let ask = async |at: &str, reason: &str| {
        let form = format!("tariffs%5B%5D={NEEDLESS}&withdraw_at={at}&reason={reason}");
        location(&desk.post(&manager, "/staff/api/ask_withdrawal", &form).await).to_owned()
    };
    let back = format!("/staff/tariffs/board/effect?problem=time&withdraw_at=soon&reason=needless&id={NEEDLESS}");
    assert_eq!(ask("soon", "needless").await, back);
    assert!(text(desk.get(&manager, &back).await).await.contains("needless</textarea>"), "what was typed is kept");
    let month = desk.clock.now() + TimeDelta::days(30);
    let at = month.format("%Y-%m-%dT00:00").to_string();
    assert!(ask(&at, "").await.contains("problem=reason"));
    assert!(ask(&at, "needless").await.starts_with("/staff/tariffs/board?ok=asked"));
    assert!(ask(&at, "needless").await.contains("problem=planned"));
    let approvals = text(desk.get(&approver, "/staff/tariffs/withdrawals").await).await;
    assert!(approvals.contains(NEEDLESS) && approvals.contains("approve_withdrawal"), "{approvals}");
    let plan: i64 = sqlx::query_scalar("select plan_id from withdrawal_plan").fetch_one(&desk.db.app).await.unwrap();
    let refused = desk.post(&manager, "/staff/api/approve_withdrawal", &format!("plan={plan}")).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let approved = desk.post(&approver, "/staff/api/approve_withdrawal", &format!("plan={plan}")).await;
    assert_eq!(location(&approved), "/staff/tariffs/withdrawals?ok=approved");
    let late = desk.post(&manager, "/staff/api/take_back_withdrawal", &format!("plan={plan}")).await;
    assert_eq!(location(&late), "/staff/tariffs/board?problem=decided");
    let shown = async || text(desk.get("", &format!("/tariffs/{NEEDLESS}")).await).await;
    assert!(!shown().await.contains("起已停售"));
    desk.clock.set(month + TimeDelta::days(1));
    assert!(shown().await.contains("起已停售"));
    desk.close().await;
}

#[tokio::test]
async fn what_is_announced_is_not_taken_for_what_is_in_force() {
    let desk = Desk::new(false).await;
    publish_demo(&desk).await;
    let now = desk.clock.now();
    let mut tx = desk.db.app.begin().await.unwrap();
    let mut content = find(&mut tx, &NEEDLESS.parse().unwrap()).await.unwrap().unwrap().content;
    content.on_sale_from = local_date(now) + Days::new(10);
    content.on_sale_until = local_date(now) + Days::new(400);
    content.name = "明日套餐".to_owned();
    publish(&mut tx, &[Publication::from(content)], now).await.unwrap();
    tx.commit().await.unwrap();
    let manager = desk.member("manager", &[Role::TariffManager]).await;
    let files = async || {
        let csv = text(desk.get("", "/tariffs.csv").await).await;
        let lines = csv.lines().filter(|line| line.starts_with(NEEDLESS)).map(|line| line.chars().nth(11));
        let versions: Vec<char> = lines.map(Option::unwrap).collect();
        assert!(csv.lines().next().unwrap().ends_with(",terms,orderable_from"), "{}", csv.lines().next().unwrap());
        let json: serde_json::Value = serde_json::from_str(&text(desk.get("", "/tariffs.json").await).await).unwrap();
        let tariffs = json["tariffs"].as_array().unwrap().iter().filter(|tariff| tariff["scheme_id"] == NEEDLESS);
        assert_eq!(tariffs.count(), versions.len());
        versions
    };
    let pages = async |manager: &str| {
        let compared = text(desk.get("", &format!("/tariffs/compare?id={NEEDLESS}&id=24MB900023")).await).await;
        [compared, text(desk.get(manager, "/staff/tariffs/board").await).await]
    };
    assert_eq!(files().await, ['1', '2']);
    for page in pages(&manager).await {
        assert!(!page.contains("明日套餐") && page.contains("在那之前按上一版办理"), "{page}");
    }
    desk.clock.set(now + TimeDelta::days(11));
    assert_eq!(files().await, ['2']);
    let manager = desk.member("manager.again", &[Role::TariffManager]).await;
    for page in pages(&manager).await {
        assert!(page.contains("明日套餐") && !page.contains("在那之前按上一版办理"), "{page}");
    }
    desk.close().await;
}
