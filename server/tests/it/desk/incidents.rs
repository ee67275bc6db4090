//! An incident over HTTP: the source stopped, the public told in both languages, and the closing report as a PDF.

use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use charging::clock::Clock as _;
use charging::incident::desk::run;
use charging::staff::Role;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;

use super::{Desk, location, text};

const INCIDENT: &str = "/staff/incidents/1";

/// What another system charged two subscribers, and two who handle it.
async fn office() -> (Desk, String, String) {
    let desk = Desk::new(false).await;
    desk.subscriber().await;
    sqlx::raw_sql(
        "insert into imported_charge
            (subscriber_id, source_id, kind, scheme_id, amount, charged_at, month, route, imported_at)
        select subscriber_id, 'x' || n, 'recurring', '26MB900001', 95, '2026-08-05T02:00:00Z', '2026-08-01', 'balance', now()
        from subscriber, generate_series(1, 2) as n",
    )
    .execute(&desk.db.app)
    .await
    .unwrap();
    let ann = desk.member("ann", &[Role::AgentLead]).await;
    let bob = desk.member("bob", &[Role::AgentLead]).await;
    let opened = desk.post(&ann, "/staff/api/open_incident", "title=%E5%A4%9A%E6%89%A3&tariff=26MB900001").await;
    assert_eq!(location(&opened), format!("{INCIDENT}?ok=opened"));
    (desk, ann, bob)
}

/// Presses a button of the incident's page; what the address says came of it.
async fn press(desk: &Desk, cookie: &str, action: &str, more: &str) -> String {
    let response = desk.post(cookie, &format!("/staff/api/{action}"), &format!("incident=1{more}")).await;
    location(&response).split_once('?').map_or_else(String::new, |(_, said)| said.to_owned())
}

#[tokio::test]
async fn an_account_is_blocked_at_once_and_unblocked_by_somebody_else() {
    let (desk, ann, bob) = office().await;
    let eve = desk.member("eve", &[Role::TariffManager]).await;
    assert_eq!(desk.get(&eve, "/staff").await.status(), StatusCode::OK);
    assert_eq!(press(&desk, &ann, "block_source", "&login=nobody").await, "problem=no_account");
    assert_eq!(press(&desk, &ann, "block_source", "&login=ann").await, "problem=same");
    assert_eq!(press(&desk, &ann, "block_source", "&login=eve").await, "ok=blocked");
    assert!(location(&desk.get(&eve, "/staff").await).starts_with("/staff/login"), "the session ended");
    let account = format!("&account={}", desk.id("eve").await);
    assert_eq!(press(&desk, &ann, "unblock_source", &account).await, "problem=same");
    let page = text(desk.get(&bob, INCIDENT).await).await;
    assert!(page.contains("账号 eve（eve）") && page.contains("unblock_source"), "{page}");
    assert!(!text(desk.get(&ann, INCIDENT).await).await.contains("unblock_source"));
    assert_eq!(press(&desk, &bob, "unblock_source", &account).await, "ok=unblocked");
    assert!(text(desk.get(&ann, INCIDENT).await).await.contains("bob于"), "who lifted it");
    assert_eq!(press(&desk, &ann, "freeze_orders", "").await, "problem=nothing_to_freeze");
    assert_eq!(press(&desk, &ann, "lift_freeze", "").await, "problem=unchanged");
    assert_eq!(press(&desk, &ann, "stop_source_channel", "&channel=QD999999").await, "problem=no_channel");
    desk.close().await;
}

#[tokio::test]
async fn the_public_reads_what_two_people_wrote_in_both_languages() {
    let (desk, ann, bob) = office().await;
    assert_eq!(press(&desk, &ann, "begin_statement", "").await, "problem=not_done");
    assert_eq!(press(&desk, &ann, "list_affected", "").await, "ok=listed");
    assert_eq!(press(&desk, &ann, "propose_incident", "").await, "ok=proposed");
    assert_eq!(press(&desk, &bob, "approve_incident", "&proposal=1").await, "ok=approved");
    assert_eq!(press(&desk, &ann, "execute_incident", "").await, "ok=executed");
    while run(&desk.db.app, &mut ChaCha20Rng::seed_from_u64(7), desk.clock.now()).await.unwrap() {}
    assert_eq!(press(&desk, &ann, "begin_statement", "").await, "ok=statement_saved");
    let draft = text(desk.get(&ann, &format!("{INCIDENT}/statement")).await).await;
    assert!(draft.contains("190.00") && draft.contains("{amount}") && !draft.contains("publish_statement"), "{draft}");
    assert_eq!(desk.get("", "/statements/1").await.status(), StatusCode::NOT_FOUND, "nobody let it out");
    assert_eq!(press(&desk, &ann, "publish_statement", "&version=1").await, "problem=same");
    assert_eq!(press(&desk, &bob, "publish_statement", "&version=1").await, "ok=statement_published");
    let chinese = text(desk.get("", "/statements/1").await).await;
    assert!(chinese.contains("关于多收费用退还的说明") && chinese.contains("共退还 190.00 元"), "{chinese}");
    let english = text(desk.get("lang=en", "/statements/1").await).await;
    assert!(english.contains("Wrong charges that we return") && english.contains("¥190.00 in all"), "{english}");
    for page in ["/statements", "/tariffs"] {
        assert!(text(desk.get("", page).await).await.contains("href=\"/statements"), "{page}");
    }
    let texts = "%7Bsubscribers%7D+%7Bamount%7D+%7Buntil%7D";
    let correction = format!("&title_zh=Z2&text_zh={texts}&title_en=E2&text_en={texts}");
    let typed = correction.replace("%7Bamount%7D", "1000");
    assert_eq!(press(&desk, &ann, "save_statement", &typed).await, "problem=statement_figures");
    assert_eq!(press(&desk, &ann, "save_statement", &correction).await, "ok=statement_saved");
    assert!(!text(desk.get("", "/statements/1").await).await.contains("Z2"), "not before somebody lets it out");
    assert_eq!(press(&desk, &bob, "publish_statement", "&version=2").await, "ok=statement_published");
    let newest = text(desk.get("", "/statements/1").await).await;
    assert!(newest.contains("Z2") && newest.contains("1 190.00 2026"), "{newest}");
    let before = text(desk.get("", "/statements/1?version=1").await).await;
    assert!(before.contains("共退还 190.00 元") && before.contains("这不是最新的版本"), "{before}");
    for missing in ["/statements/2", "/statements/x", "/statements/1?version=3"] {
        assert_eq!(desk.get("", missing).await.status(), StatusCode::NOT_FOUND, "{missing}");
    }
    report(&desk, &ann).await;
    desk.close().await;
}

async fn report(desk: &Desk, cookie: &str) {
    assert!(text(desk.get(cookie, INCIDENT).await).await.contains("/staff/incidents/1/report.pdf"));
    for language in ["", "; lang=en"] {
        let response = desk.get(&format!("{cookie}{language}"), &format!("{INCIDENT}/report.pdf")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/pdf");
        let pdf = to_bytes(response.into_body(), 4 * 1024 * 1024).await.unwrap();
        assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 4_000, "{} bytes", pdf.len());
    }
    assert_eq!(desk.get(cookie, "/staff/incidents/2/report.pdf").await.status(), StatusCode::NOT_FOUND);
}
