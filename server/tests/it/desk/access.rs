//! The access matrix: every address of the router, asked for as everybody, gets the answer that its line promises.

use std::collections::BTreeSet;

use app::App;
use app::access::{ADDRESSES, Access, access};
use axum::http::StatusCode;
use charging::staff::{Role, may};
use leptos::server_fn::axum::server_fn_paths;
use leptos_axum::generate_route_list;

use super::{Desk, location};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Admitted,
    /// Sent to the sign-in page of subscribers, or of the staff.
    SignIn,
    DeskSignIn,
    Refused,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    Subscriber,
    Staff(Role),
    /// Was signed in until the account was blocked.
    Blocked,
    /// Has a session of each kind, under the cookie of the other.
    Swapped,
}

fn expected(access: Access, who: Who) -> Answer {
    match (access, who) {
        (Access::Everybody, _) | (Access::Subscriber, Who::Subscriber) | (Access::Staff, Who::Staff(_)) => {
            Answer::Admitted
        }
        (Access::Subscriber, _) => Answer::SignIn,
        (Access::Permitted(permission), Who::Staff(role)) if may(&[role], permission) => Answer::Admitted,
        (Access::Permitted(_), Who::Staff(_)) | (Access::Machine, _) => Answer::Refused,
        (Access::Staff | Access::Permitted(_), _) => Answer::DeskSignIn,
    }
}

/// Every address that the router knows, as it writes them itself.
fn routed(desk: &Desk) -> BTreeSet<String> {
    let written = format!("{:?}", desk.router);
    let parts = written.split("RouteId(").skip(1).filter_map(|part| part.split_once("): \"/"));
    let paths = parts.filter(|(id, _)| id.chars().all(|c| c.is_ascii_digit()));
    let paths = paths.filter_map(|(_, path)| path.split('"').next()).map(|path| format!("/{path}"));
    // What has no address has no line either: files of the site, and the page that says there is none.
    paths.filter(|path| !path.contains("axum_fallback") && path != "/").chain(["/".to_owned()]).collect()
}

#[tokio::test]
async fn every_address_of_the_router_has_a_line_and_every_line_an_address() {
    let desk = Desk::new(true).await;
    let routed = routed(&desk);
    for page in generate_route_list(App) {
        assert!(routed.contains(page.path()), "the page {} is not where the router's addresses were read", page.path());
    }
    for (function, _) in server_fn_paths() {
        assert!(routed.contains(function), "the server function {function} is not where the addresses were read");
    }
    for path in &routed {
        assert!(access(path).is_some(), "{path} has no line in app::access: say who may ask for it");
    }
    let unknown: Vec<&str> = ADDRESSES.iter().map(|(path, _)| *path).filter(|path| !routed.contains(*path)).collect();
    assert_eq!(unknown, Vec::<&str>::new(), "lines without an address");
    desk.close().await;
}

/// The address with something in each of its places.
fn filled(path: &str, account: i64) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "{account}" => account.to_string(),
        "{scheme_id}" => "26MB900001".to_owned(),
        "{month}" => "2026-08".to_owned(),
        "{msisdn}" => "13800000001".to_owned(),
        place if place.starts_with('{') => "1".to_owned(),
        word => word.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// A form that does something where it is let through.
fn form(path: &str, account: i64) -> String {
    match path {
        "/staff/api/add_account" => "login=new.one&name=New&roles%5B%5D=agent".to_owned(),
        "/staff/api/set_roles" => format!("account={account}&roles%5B%5D=auditor&roles%5B%5D=agent"),
        "/staff/api/block" | "/staff/api/unblock" => format!("account={account}"),
        "/staff/api/reset" => format!("account={account}&sure=on"),
        _ => String::new(),
    }
}

async fn ask(desk: &Desk, cookie: &str, path: &str, account: i64, is_form: bool) -> Answer {
    let address = filled(path, account);
    let response = if is_form {
        desk.post(cookie, &address, &form(path, account)).await
    } else {
        desk.get(cookie, &address).await
    };
    let to = location(&response);
    if to.starts_with("/login?next=") {
        return Answer::SignIn;
    }
    if to.starts_with("/staff/login?next=") || to.starts_with("/staff/login?problem=ended&next=") {
        return Answer::DeskSignIn;
    }
    match response.status() {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Answer::Refused,
        status if status.is_server_error() && !is_form => Answer::Failed,
        _ => Answer::Admitted,
    }
}

#[tokio::test]
async fn everybody_gets_what_the_table_says_and_nothing_else() {
    let desk = Desk::new(true).await;
    let functions: BTreeSet<&str> = server_fn_paths().map(|(path, _)| path).collect();
    let mut people = vec![(Who::Nobody, String::new()), (Who::Subscriber, desk.subscriber().await)];
    for role in Role::ALL {
        let login = format!("one.{role}");
        people.push((Who::Staff(role), desk.member(&login, &[role]).await));
    }
    let blocked = desk.member("blocked", &Role::ALL).await;
    block(&desk, "blocked").await;
    people.push((Who::Blocked, blocked));
    let staff = people[7].1.split_once('=').unwrap().1.to_owned();
    let subscriber = people[1].1.split_once('=').unwrap().1.to_owned();
    people.push((Who::Swapped, format!("mingbai={staff}; mingbai_staff={subscriber}")));
    desk.member("victim", &[Role::Agent]).await;
    let victim = desk.id("victim").await;
    // Signing out ends what the others are asked with.
    let (last, first): (Vec<&_>, Vec<&_>) = ADDRESSES.iter().partition(|(path, _)| path.ends_with("sign_out"));
    let mut wrong = Vec::new();
    let mut asked = 0;
    for (path, access) in first.into_iter().chain(last) {
        let is_form = functions.contains(path) || *access == Access::Machine;
        for (who, cookie) in &people {
            let answer = ask(&desk, cookie, path, victim, is_form).await;
            let expected = expected(*access, *who);
            if answer != expected {
                wrong.push(format!("{path} as {who:?}: {answer:?}, and not {expected:?}"));
            }
            asked += 1;
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(asked > 60 * people.len());
    only_the_administrator_acted(&desk).await;
    desk.close().await;
}

/// What the forms asked for was done, once each, by the one who may.
async fn only_the_administrator_acted(desk: &Desk) {
    let acted = "select action, login from audit_trail join staff using (staff_id)
        where action in ('staff.add', 'staff.roles', 'staff.block', 'staff.unblock', 'staff.reset') order by entry_id";
    let acted: Vec<(String, String)> = sqlx::query_as(acted).fetch_all(&desk.db.app).await.unwrap();
    let expected = ["staff.add", "staff.roles", "staff.block", "staff.unblock", "staff.reset"];
    let expected: Vec<_> = expected.map(|action| (action.to_owned(), "one.administrator".to_owned())).into();
    assert_eq!(acted, expected);
}

async fn block(desk: &Desk, login: &str) {
    use charging::clock::Clock as _;
    use charging::staff::Actor;
    let id = desk.id(login).await;
    let mut tx = desk.db.app.begin().await.unwrap();
    charging::staff::account::block(&mut tx, &Actor::Engineer, id, desk.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_address_written_otherwise_opens_nothing() {
    let desk = Desk::new(false).await;
    let administrator = desk.member("admin", &[Role::Administrator]).await;
    assert_eq!(desk.get(&administrator, "/staff/accounts").await.status(), StatusCode::OK);
    for path in ["/staff/accounts/", "//staff/accounts", "/%73taff/accounts", "/staff/./accounts", "/staff/Accounts"] {
        for cookie in ["", administrator.as_str()] {
            let response = desk.get(cookie, path).await;
            assert_ne!(response.status(), StatusCode::OK, "{path}");
            assert!(!super::text(response).await.contains("add_account"), "{path}");
        }
    }
    desk.close().await;
}
