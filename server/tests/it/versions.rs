//! What the public sees of versions: their pages, their difference, and the feeds of changes as another program reads them.

use std::sync::Arc;

use app::state::AppState;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use charging::clock::{ManualClock, start_of_day};
use charging::tariff::own_format;
use charging::tariff::store::{self, Publication};
use charging::tariff::withdrawal::testing::withdraw_because;
use charging::testing::TestDatabase;
use chrono::{DateTime, Utc};
use feed_rs::model::{Feed, FeedType};
use server::network;
use server::web::{Settings, Site, options, router};
use tower::ServiceExt as _;

const SITE: &str = "https://mingbai.example";

fn day(text: &str) -> DateTime<Utc> {
    start_of_day(text.parse().unwrap())
}

struct Portal {
    database: TestDatabase,
    clock: Arc<ManualClock>,
    router: Router,
}

impl Portal {
    /// With a plan of two versions whose name is markup, and another one of another operator, withdrawn.
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        let clock = Arc::new(ManualClock::new(day("2026-06-01")));
        let site = Site::find();
        let state = AppState {
            pool: database.app.clone(),
            clock: clock.clone(),
            demo: false,
            calls: false,
            payments: false,
            staff_key: None,
            secure: false,
            leptos_options: options(&site, "127.0.0.1:3000".parse().unwrap()),
        };
        let network = network::Settings { access: network::Access::new(None, false), public_url: SITE.to_owned() };
        let portal = Self {
            router: router(state, &Settings { secure: false, site, network, call_key: None, gateway: None }),
            database,
            clock,
        };
        portal.publish("26MB000001", "mingbai", "99.00", "2026-01-01").await;
        portal.publish("26MB000001", "mingbai", "89.00", "2026-03-01").await;
        portal.publish("26MB000002", "mobile", "19.00", "2026-02-01").await;
        let mut owner = portal.database.owner.acquire().await.unwrap();
        withdraw_because(&mut owner, "26MB000002", "两个\u{1}变一个", day("2026-05-01")).await;
        drop(owner);
        portal
    }

    async fn publish(&self, scheme_id: &str, operator: &str, price: &str, at: &str) {
        let json = format!(
            r#"{{"scheme_id":"{scheme_id}","operator":"{operator}","name":"<b>套餐</b></title> {scheme_id}","kind":"plan",
            "audience":"所有人","regions":["全国"],"channels":["网上营业厅"],"on_sale_from":"2026-01-01",
            "on_sale_until":"2027-12-31","validity":"一年","commitment":"无","cancel":"随时","penalty":"无",
            "restrictions":["每人一个"],"notes":"","terms":{{"recurring":{{"price":"{price}","first_month":"daily"}},
            "cancel_effective":"month_end","allowances":[{{"service":"data","quantity":"10GB"}}],
            "overage":[{{"service":"data","model":"block","price":"5.00","block":"1GB"}}]}}}}"#
        );
        let content = own_format::parse(&json).unwrap().content;
        let publication = Publication { published_at: Some(day(at)), ..content.into() };
        let mut transaction = self.database.owner.begin().await.unwrap();
        store::publish(&mut transaction, &[publication], day(at)).await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn ask(&self, path: &str, headers: &[(&'static str, String)]) -> Response<Body> {
        let mut request = Request::get(path).header("host", "evil.example");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn page(&self, path: &str) -> String {
        let response = self.ask(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        // Where one text ends and the next begins, which nobody sees.
        text(response).await.replace("<!>", "")
    }

    async fn close(self) {
        drop(self.router);
        self.database.drop().await;
    }
}

async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 1024 * 1024).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Where a page says that it belongs.
fn canonical(page: &str) -> &str {
    let link = page.split("<link").find(|link| link.contains(r#"rel="canonical""#)).unwrap();
    link.split(r#"href=""#).nth(1).unwrap().split('"').next().unwrap()
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers[name].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_version_has_its_page_and_an_old_one_says_that_it_is_old() {
    let portal = Portal::new().await;
    let newest = portal.page("/tariffs/26MB000001").await;
    assert!(newest.contains("89.00") && !newest.contains("不再办理"), "{newest}");
    assert!(newest.contains(r#"href="/me/order/26MB000001""#), "it can be ordered");
    assert_eq!(canonical(&newest), "/tariffs/26MB000001");
    assert!(newest.contains("/tariffs/26MB000001/difference?from=1&amp;to=2"));
    let old = portal.page("/tariffs/26MB000001/versions/1").await;
    assert!(old.contains("99.00") && old.contains("仍在使用的用户按此版本收费"), "{old}");
    assert!(!old.contains("/me/order/"), "an old version cannot be ordered");
    assert_eq!(canonical(&old), "/tariffs/26MB000001/versions/1");
    for path in ["/tariffs/26MB000001/versions/3", "/tariffs/26MB000001/versions/x", "/tariffs/26MB000009/versions/1"] {
        assert_eq!(portal.ask(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    portal.close().await;
}

#[tokio::test]
async fn a_version_is_announced_before_it_is_sold_and_old_links_still_lead_to_it() {
    let portal = Portal::new().await;
    sqlx::query("update tariff_version set orderable_from = $1 where scheme_id = '26MB000001' and version = 2")
        .bind(day("2026-06-05"))
        .execute(&portal.database.owner)
        .await
        .unwrap();
    let newest = portal.page("/tariffs/26MB000001").await;
    assert!(newest.contains("公示中，2026年6月5日 00:00 起可以办理"), "{newest}");
    assert!(!newest.contains("/me/order/"), "what is announced cannot be ordered yet");
    let sold = portal.page("/tariffs/26MB000001/versions/1").await;
    assert!(sold.contains("2026年6月5日 00:00 起按新版办理") && sold.contains("/me/order/26MB000001"), "{sold}");
    portal.clock.set(day("2026-06-05"));
    assert!(portal.page("/tariffs/26MB000001").await.contains("/me/order/26MB000001"));
    let linked = portal.ask("/tariffs/26MB000001?version=1", &[]).await;
    assert_eq!(header(linked.headers(), "location"), "/tariffs/26MB000001/versions/1");
    portal.close().await;
}

#[tokio::test]
async fn a_name_puts_no_markup_into_the_title() {
    let portal = Portal::new().await;
    let page = portal.page("/tariffs/26MB000001").await;
    let title = page.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
    assert_eq!(title.split(" · ").next().unwrap(), "&lt;b&gt;套餐&lt;/b&gt;&lt;/title&gt; 26MB000001");
    assert_eq!(page.matches("</title>").count(), 1);
    portal.close().await;
}

#[tokio::test]
async fn the_difference_of_two_versions_marks_what_changed_and_nothing_else() {
    let portal = Portal::new().await;
    let page = portal.page("/tariffs/26MB000001/difference?from=1&to=2").await;
    assert!(page.contains("<del>99.00</del>") && page.contains("<ins>89.00</ins>"), "{page}");
    assert_eq!(page.matches("<del>").count(), 1, "only the fee changed");
    let back = portal.page("/tariffs/26MB000001/difference?from=2&to=1").await;
    assert!(back.contains("<del>89.00</del>"));
    let newest = portal.page("/tariffs/26MB000001/difference").await;
    assert!(newest.contains("<ins>89.00</ins>"));
    for query in ["?from=1&to=3", "?from=0&to=1", "?from=a&to=b"] {
        let path = format!("/tariffs/26MB000001/difference{query}");
        assert_eq!(portal.ask(&path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(portal.ask("/tariffs/26MB000002/difference", &[]).await.status(), StatusCode::NOT_FOUND);
    portal.close().await;
}

#[tokio::test]
async fn the_changes_are_a_page_by_operator() {
    let portal = Portal::new().await;
    let page = portal.page("/tariffs/changes").await;
    for told in ["新版本：", "停售：", "新资费：", "改了：月费", "原因：两个"] {
        assert!(page.contains(told), "{told}");
    }
    assert!(page.contains(r#"type="application/atom+xml""#));
    let own = portal.page("/tariffs/changes?operator=mingbai").await;
    assert!(own.contains("26MB000001") && !own.contains("26MB000002"));
    assert!(portal.page("/tariffs/changes?operator=nobody").await.contains("没有这个运营商"));
    assert!(portal.page("/tariffs/changes?page=99999999999").await.contains("新资费"));
    portal.close().await;
}

/// What another reader makes of a feed.
async fn read(portal: &Portal, path: &str) -> (Feed, HeaderMap) {
    let response = portal.ask(path, &[]).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let headers = response.headers().clone();
    let feed = feed_rs::parser::parse(text(response).await.as_bytes()).unwrap();
    (feed, headers)
}

#[tokio::test]
async fn another_reader_finds_the_same_in_both_feeds() {
    let portal = Portal::new().await;
    let (atom, headers) = read(&portal, "/tariffs/changes.atom").await;
    assert_eq!(atom.feed_type, FeedType::Atom);
    assert!(header(&headers, "content-type").starts_with("application/atom+xml"));
    assert!(!headers.contains_key("set-cookie"));
    let (json, headers) = read(&portal, "/tariffs/changes.json").await;
    assert_eq!(json.feed_type, FeedType::JSON);
    assert!(header(&headers, "content-type").starts_with("application/feed+json"));
    let told = |feed: &Feed| -> Vec<(String, String, String, i64)> {
        let entries = feed.entries.iter();
        entries
            .map(|entry| {
                let title = entry.title.as_ref().unwrap().content.clone();
                let at = entry.published.unwrap().timestamp();
                (entry.id.clone(), title, entry.links[0].href.clone(), at)
            })
            .collect()
    };
    let entries = told(&atom);
    assert_eq!(entries, told(&json));
    let titles: Vec<&str> = entries.iter().map(|entry| entry.1.split('：').next().unwrap()).collect();
    assert_eq!(titles, ["停售", "新版本", "新资费", "新资费"]);
    assert_eq!(entries[1].2, format!("{SITE}/tariffs/26MB000001/difference?from=1&to=2"));
    assert!(entries.iter().all(|entry| entry.2.starts_with(SITE)), "no link leads where the request came to");
    assert_eq!(atom.updated.unwrap(), day("2026-05-01"));
    assert_eq!(atom.language.as_deref(), Some("zh-CN"));
    let (english, _) = read(&portal, "/tariffs/changes.atom?lang=en&operator=mobile").await;
    assert_eq!(english.entries.len(), 2);
    assert!(english.entries[0].title.as_ref().unwrap().content.starts_with("Sales stopped: "));
    assert_eq!(english.entries[0].id, entries[0].0, "an entry is the same in every language");
    assert_ne!(english.id, atom.id);
    portal.close().await;
}

#[tokio::test]
async fn who_has_the_feed_is_not_sent_it_again_until_something_changes() {
    let portal = Portal::new().await;
    for path in ["/tariffs/changes.atom", "/tariffs/changes.json"] {
        let headers = portal.ask(path, &[]).await.headers().clone();
        let (tag, modified) = (header(&headers, "etag"), header(&headers, "last-modified"));
        assert_eq!(modified, "Thu, 30 Apr 2026 16:00:00 GMT");
        for condition in [("if-none-match", tag.clone()), ("if-modified-since", modified.clone())] {
            let known = portal.ask(path, &[condition]).await;
            assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(header(known.headers(), "etag"), tag);
        }
        let both = [("if-none-match", "\"other\"".to_owned()), ("if-modified-since", modified.clone())];
        assert_eq!(portal.ask(path, &both).await.status(), StatusCode::OK, "the tag goes before the time");
    }
    let tag = header(portal.ask("/tariffs/changes.atom", &[]).await.headers(), "etag");
    portal.clock.set(day("2026-07-01"));
    portal.publish("26MB000003", "mobile", "29.00", "2026-06-15").await;
    let changed = portal.ask("/tariffs/changes.atom", &[("if-none-match", tag)]).await;
    assert_eq!(changed.status(), StatusCode::OK);
    portal.close().await;
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_told_so() {
    let portal = Portal::new().await;
    for (query, told) in [
        ("operator=nobody", "operator is one of mingbai, mobile, unicom"),
        ("page=0", "page is a number"),
        ("page=9999", "page is a number"),
        ("lang=fr", "lang is"),
    ] {
        let response = portal.ask(&format!("/tariffs/changes.atom?{query}"), &[]).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        assert!(text(response).await.contains(told), "{query}");
    }
    portal.close().await;
}
