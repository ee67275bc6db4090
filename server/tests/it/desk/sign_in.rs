//! Signing in with two factors, and how sessions end.

use axum::http::StatusCode;
use charging::clock::Clock as _;
use charging::staff::account::{block, reset, set_roles, unblock};
use charging::staff::session::remove_expired;
use charging::staff::{Actor, Role, demo};
use chrono::TimeDelta;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::{Desk, PASSWORD, given, location, text};

/// Signs in as a browser does; the cookie, or where it was sent instead.
async fn sign_in(desk: &Desk, login: &str, password: &str, code: &str) -> Result<String, String> {
    let form = format!("login={login}&password={password}&next=/staff/password").replace(' ', "+");
    let half = desk.post("", "/staff/api/sign_in", &form).await;
    if !location(&half).contains("step=code") {
        return Err(location(&half).to_owned());
    }
    let half = given(&half).expect("a cookie for the second step");
    assert!(location(&desk.get(&half, "/staff").await).starts_with("/staff/login"), "half is not enough");
    let form = format!("code={code}&next=/staff/password");
    let whole = desk.post(&half, "/staff/api/second_factor", &form).await;
    match given(&whole) {
        Some(cookie) if location(&whole) == "/staff/password" => {
            assert_ne!(cookie, half, "a session has another token than what came before it");
            Ok(cookie)
        }
        _ => Err(location(&whole).to_owned()),
    }
}

#[tokio::test]
async fn a_link_sets_up_an_account_once() {
    let desk = Desk::new(false).await;
    let ticket = desk.invite("li.na", &[Role::Auditor]).await;
    let link = format!("/staff/enrol/{ticket}");
    let open = async |cookie: &str| text(desk.get(cookie, &format!("{link}?kept=1")).await).await;
    let first = desk.get("", &link).await;
    assert_eq!(location(&first), format!("{link}?kept=1"));
    let kept = given(&first).expect("the browser keeps the secret, sealed");
    let elsewhere = given(&desk.get("", &link).await).expect("another for another browser");
    let page = open(&kept).await;
    assert!(page.contains("otpauth://totp/") && page.contains("<svg") && page.contains("li.na"), "{page}");
    let secret = |page: &str| page.split("secret=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    assert_eq!(secret(&page), secret(&open(&kept).await), "the same while one is at it");
    assert_ne!(secret(&page), secret(&open(&elsewhere).await), "and another in another browser");
    assert!(!open("").await.contains("otpauth"), "a browser that keeps nothing is told so");
    let secret = secret(&page);
    let factor = charging::staff::testing::factor(&secret, "li.na");
    let code = factor.code(desk.clock.now());
    let enrol = async |code: &str, password: &str, repeated: &str| {
        let form = format!("ticket={ticket}&code={code}&password={password}&repeated={repeated}").replace(' ', "+");
        desk.post(&kept, "/staff/api/enrol", &form).await
    };
    for (code, password, repeated, problem) in [
        (code.as_str(), PASSWORD, "another", "different"),
        (code.as_str(), "short", "short", "length"),
        (code.as_str(), "1234567890", "1234567890", "pattern"),
        ("000000", PASSWORD, PASSWORD, "code"),
    ] {
        let response = enrol(code, password, repeated).await;
        assert!(location(&response).ends_with(&format!("problem={problem}")), "{}", location(&response));
        assert!(given(&response).is_none());
    }
    let refused = "select count(*) from audit_trail where action = 'staff.sign_in_refused'";
    assert_eq!(sqlx::query_scalar::<_, i64>(refused).fetch_one(&desk.db.app).await.unwrap(), 1, "the wrong code");
    let done = enrol(&code, PASSWORD, PASSWORD).await;
    assert_eq!(location(&done), "/staff?ok=enrolled");
    let cookie = given(&done).expect("who set it up is signed in");
    let home = text(desk.get(&cookie, "/staff").await).await;
    assert!(home.contains("/staff/audit") && !home.contains("/staff/accounts"), "an auditor sees the trail alone");
    let again = enrol(&factor.code(desk.clock.now() + TimeDelta::seconds(30)), PASSWORD, PASSWORD).await;
    assert!(location(&again).ends_with("problem=gone"));
    let trail = "select count(*) from audit_trail where action = 'staff.enrol'";
    assert_eq!(sqlx::query_scalar::<_, i64>(trail).fetch_one(&desk.db.app).await.unwrap(), 1);
    desk.close().await;
}

#[tokio::test]
async fn a_link_is_over_after_three_days_and_when_there_is_a_newer_one() {
    let desk = Desk::new(false).await;
    let old = desk.invite("li.na", &[Role::Auditor]).await;
    let form =
        async |ticket: &str| location(&desk.get("", &format!("/staff/enrol/{ticket}")).await).ends_with("kept=1");
    assert!(form(&old).await);
    let id = desk.id("li.na").await;
    let mut tx = desk.db.app.begin().await.unwrap();
    let now = desk.clock.now();
    let newer = reset(&mut tx, &desk.key, &Actor::Engineer, id, now).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!form(&old).await && form(&newer.ticket).await);
    desk.clock.advance(TimeDelta::days(3));
    assert!(!form(&newer.ticket).await);
    desk.close().await;
}

#[tokio::test]
async fn both_factors_are_asked_for_and_a_code_counts_once() {
    let desk = Desk::new(false).await;
    desk.member("li.na", &[Role::Agent]).await;
    let now = desk.code("li.na", 0).await;
    assert!(sign_in(&desk, "li.na", PASSWORD, &now).await.is_err(), "the code that set up the account is used up");
    let next = desk.code("li.na", 1).await;
    assert!(sign_in(&desk, "li.na", "not the password", &next).await.unwrap_err().contains("problem=password"));
    assert!(sign_in(&desk, "nobody.here", PASSWORD, &next).await.unwrap_err().contains("problem=password"));
    assert!(sign_in(&desk, "li.na", PASSWORD, "000000").await.unwrap_err().contains("problem=code"));
    let cookie = sign_in(&desk, "Li.Na", PASSWORD, &next).await.unwrap();
    assert_eq!(desk.get(&cookie, "/staff").await.status(), StatusCode::OK);
    assert!(sign_in(&desk, "li.na", PASSWORD, &next).await.unwrap_err().contains("problem=code"), "not twice");
    desk.clock.advance(TimeDelta::seconds(60));
    assert!(sign_in(&desk, "li.na", PASSWORD, &next).await.unwrap_err().contains("problem=code"), "nor later");
    let fresh = desk.code("li.na", 0).await;
    sign_in(&desk, "li.na", PASSWORD, &fresh).await.unwrap();
    desk.close().await;
}

#[tokio::test]
async fn guessing_has_an_end() {
    let desk = Desk::new(false).await;
    desk.member("li.na", &[Role::Agent]).await;
    for _ in 0..10 {
        assert!(sign_in(&desk, "li.na", "wrong", "1").await.unwrap_err().contains("problem=password"));
    }
    let code = desk.code("li.na", 1).await;
    assert!(sign_in(&desk, "li.na", PASSWORD, &code).await.unwrap_err().contains("problem=wait"), "the right one too");
    desk.clock.advance(TimeDelta::minutes(16));
    let half = desk
        .post("", "/staff/api/sign_in", &format!("login=li.na&password={}&next=", PASSWORD.replace(' ', "+")))
        .await;
    let half = given(&half).unwrap();
    for _ in 0..10 {
        let answer = desk.post(&half, "/staff/api/second_factor", "code=000000&next=").await;
        assert!(location(&answer).contains("problem=code"));
    }
    let code = desk.code("li.na", 0).await;
    let answer = desk.post(&half, "/staff/api/second_factor", &format!("code={code}&next=")).await;
    assert!(location(&answer).contains("problem=wait"), "{}", location(&answer));
    let refused = "select count(*) from audit_trail where action = 'staff.sign_in_refused'";
    assert_eq!(sqlx::query_scalar::<_, i64>(refused).fetch_one(&desk.db.app).await.unwrap(), 20);
    desk.close().await;
}

/// Whether a session still opens the desk.
async fn is_open(desk: &Desk, cookie: &str) -> bool {
    let response = desk.get(cookie, "/staff").await;
    assert!(response.status() == StatusCode::OK || location(&response).contains("problem=ended"));
    response.status() == StatusCode::OK
}

#[tokio::test]
async fn a_session_ends_in_the_moment_in_which_what_it_rests_on_does() {
    let desk = Desk::new(false).await;
    let now = desk.clock.now();
    for (login, what) in [("first", "block"), ("second", "roles"), ("third", "reset")] {
        let cookie = desk.member(login, &[Role::Agent]).await;
        assert!(is_open(&desk, &cookie).await);
        let id = desk.id(login).await;
        let mut tx = desk.db.app.begin().await.unwrap();
        match what {
            "block" => block(&mut tx, &Actor::Engineer, id, now).await.unwrap(),
            "roles" => set_roles(&mut tx, &Actor::Engineer, id, &[Role::Auditor], now).await.unwrap(),
            _ => drop(reset(&mut tx, &desk.key, &Actor::Engineer, id, now).await.unwrap()),
        }
        tx.commit().await.unwrap();
        assert!(!is_open(&desk, &cookie).await, "{what}");
        if what == "block" {
            let code = desk.code(login, 1).await;
            assert!(sign_in(&desk, login, PASSWORD, &code).await.is_err());
            let mut tx = desk.db.app.begin().await.unwrap();
            unblock(&mut tx, &Actor::Engineer, id, now).await.unwrap();
            tx.commit().await.unwrap();
            assert!(!is_open(&desk, &cookie).await, "what ended stays so");
            sign_in(&desk, login, PASSWORD, &code).await.unwrap();
        }
    }
    desk.close().await;
}

#[tokio::test]
async fn another_password_ends_every_other_session() {
    let desk = Desk::new(false).await;
    let other = desk.member("li.na", &[Role::Agent]).await;
    let code = desk.code("li.na", 1).await;
    let own = sign_in(&desk, "li.na", PASSWORD, &code).await.unwrap();
    let change = async |old: &str, new: &str| {
        let form = format!("old={old}&password={new}&repeated={new}").replace(' ', "+");
        desk.post(&own, "/staff/api/password", &form).await
    };
    assert!(location(&change("wrong", "slow yellow boat").await).contains("problem=old_password"));
    assert!(is_open(&desk, &other).await);
    let changed = change(PASSWORD, "slow yellow boat").await;
    assert_eq!(location(&changed), "/staff?ok=password");
    assert!(is_open(&desk, &given(&changed).unwrap()).await);
    assert!(!is_open(&desk, &other).await && !is_open(&desk, &own).await);
    desk.clock.advance(TimeDelta::seconds(60));
    let code = desk.code("li.na", 0).await;
    assert!(sign_in(&desk, "li.na", PASSWORD, &code).await.is_err());
    sign_in(&desk, "li.na", "slow yellow boat", &code).await.unwrap();
    desk.close().await;
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let desk = Desk::new(false).await;
    let cookie = desk.member("li.na", &[Role::Agent]).await;
    for _ in 0..24 {
        desk.clock.advance(TimeDelta::minutes(29));
        assert!(is_open(&desk, &cookie).await, "who works stays");
    }
    desk.clock.advance(TimeDelta::minutes(24));
    assert!(!is_open(&desk, &cookie).await, "and not for more than twelve hours");
    desk.clock.advance(TimeDelta::minutes(30));
    assert_eq!(remove_expired(&desk.db.app, desk.clock.now()).await.unwrap(), 1);
    let code = desk.code("li.na", 0).await;
    let idle = sign_in(&desk, "li.na", PASSWORD, &code).await.unwrap();
    desk.clock.advance(TimeDelta::minutes(30));
    assert!(!is_open(&desk, &idle).await, "who does nothing for half an hour has left");
    let code = desk.code("li.na", 0).await;
    let last = sign_in(&desk, "li.na", PASSWORD, &code).await.unwrap();
    let out = desk.post(&last, "/staff/api/sign_out", "").await;
    assert_eq!(location(&out), "/staff/login?ok=signed_out");
    assert!(!is_open(&desk, &last).await);
    desk.close().await;
}

#[tokio::test]
async fn the_known_passwords_open_a_demo_and_nothing_else() {
    for is_demo in [true, false] {
        let desk = Desk::new(is_demo).await;
        let now = desk.clock.now();
        let rng = &mut StdRng::from_os_rng();
        assert_eq!(demo::ensure(&desk.db.app, &desk.key, now, rng).await.unwrap(), 7);
        assert_eq!(demo::ensure(&desk.db.app, &desk.key, now, rng).await.unwrap(), 0);
        let shown = demo::shown(&mut desk.db.app.acquire().await.unwrap(), now).await.unwrap();
        let page = text(desk.get("", "/staff/login").await).await;
        assert_eq!(page.contains(demo::PASSWORD), is_demo);
        for one in shown {
            let cookie = sign_in(&desk, one.login, demo::PASSWORD, &one.code).await;
            assert_eq!(cookie.is_ok(), is_demo, "{}", one.login);
        }
        desk.close().await;
    }
}
