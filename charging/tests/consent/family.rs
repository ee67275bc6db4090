//! 家庭账单: a holder sees what the bills of another number come to by that number's own yes, from then on, until either side ends it.

use charging::actor::By;
use charging::audit::audit;
use charging::consent::incoming::Handled;
use charging::consent::request::RequestError;
use charging::consent::store::ConsentError;
use charging::consent::{Method, NewConsent, Subject, proof};
use charging::family::store::{FamilyError, ask, confirm, decline, end, invite, leave, withdraw};
use charging::family::view::{bill, family, months};
use charging::family::{FamilyBill, INVITATIONS_A_DAY, NUMBERS_MAX};
use charging::order::agreement::{About, AgreementId, StepKind, agreement};
use charging::order::history::{What, history};
use charging::subscriber::store::find;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::world::{PLAN, World, at, now};
use crate::{later, other_code, rng};

fn number(n: u32) -> charging::subscriber::Msisdn {
    format!("138{n:08}").parse().unwrap()
}

impl World {
    async fn invites(&self, holder: i64, n: u32, at: DateTime<Utc>) -> Result<(), FamilyError> {
        invite(&self.db.app, holder, &number(n), at).await
    }

    async fn invitation(&self, subscriber_id: i64, at: DateTime<Utc>) -> i64 {
        let mut conn = self.db.app.acquire().await.unwrap();
        family(&mut conn, subscriber_id, at).await.unwrap().received.last().unwrap().invitation_id
    }

    /// Signs in, opens the invitation, and asks for the code.
    async fn asks_to_join(&self, a: i64, invitation: i64, at: DateTime<Utc>) -> Result<i64, FamilyError> {
        let mut tx = self.db.app.begin().await.unwrap();
        let mut rng = rng(at.timestamp().unsigned_abs());
        let asked = ask(&mut tx, a, invitation, &By::subscriber("web"), at, &mut rng).await?;
        tx.commit().await.unwrap();
        Ok(asked.request_id)
    }

    async fn joins(&self, a: i64, at: DateTime<Utc>) {
        let invitation = self.invitation(a, at).await;
        let request = self.asks_to_join(a, invitation, at).await.unwrap();
        confirm(&self.db.app, a, request, &self.code(a).await, at).await.unwrap();
    }

    async fn leaves(&self, a: i64, at: DateTime<Utc>) -> Option<String> {
        let mut tx = self.db.app.begin().await.unwrap();
        let left = leave(&mut tx, a, &By::subscriber("web"), at).await.unwrap();
        tx.commit().await.unwrap();
        left
    }

    /// A bill of one month: kinds with their amounts.
    async fn billed(&self, a: i64, month: &str, lines: &[(&str, &str)]) {
        let mut tx = self.db.app.begin().await.unwrap();
        let values: Vec<String> = (1..)
            .zip(lines)
            .map(|(n, (kind, amount))| {
                format!("({a}, '{month}-01', {n}, '{kind}', '{PLAN}', 1, '{month}-01', 1, {amount}, {amount})")
            })
            .collect();
        let total: Decimal = lines.iter().map(|(_, amount)| amount.parse::<Decimal>().unwrap()).sum();
        let mut sql = format!(
            "insert into bill (subscriber_id, month, total, closed_at) values ({a}, '{month}-01', {total}, '2027-06-01');"
        );
        if !values.is_empty() {
            sql += "insert into bill_line (subscriber_id, month, line_no, kind, scheme_id, version, charge_month, quantity, exact,
                amount) values ";
            sql += &values.join(", ");
        }
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn sees(&self, holder: i64, month: &str) -> Option<FamilyBill> {
        let mut conn = self.db.app.acquire().await.unwrap();
        bill(&mut conn, holder, month.parse().unwrap()).await.unwrap()
    }

    async fn nothing_is_seen(&self, holder: i64, what: &str) {
        for month in ["2026-09", "2026-10", "2026-11"] {
            assert_eq!(self.sees(holder, month).await, None, "{what}: {month}");
        }
        let mut conn = self.db.app.acquire().await.unwrap();
        assert_eq!(months(&mut conn, holder).await.unwrap(), [], "{what}");
    }
}

/// Shares as `number total: kind amount, …`.
fn told(bill: &FamilyBill) -> Vec<String> {
    let share = |share: &charging::family::Share| {
        let kinds: Vec<_> = share.kinds.iter().map(|(kind, amount)| format!("{kind} {amount}")).collect();
        format!("{} {}: {}", share.msisdn, share.total, kinds.join(", "))
    };
    bill.shares.iter().map(share).collect()
}

#[tokio::test]
async fn nothing_is_seen_without_a_yes() {
    let world = World::new().await;
    let (holder, a) = (world.subscriber(1).await, world.subscriber(2).await);
    for month in ["2026-09", "2026-10", "2026-11"] {
        world.billed(a, month, &[("recurring", "59.00")]).await;
    }
    world.invites(holder, 2, later("0:00")).await.unwrap();
    world.nothing_is_seen(holder, "invited").await;
    assert_eq!(
        world.receive(a, "early", "Y", later("0:10")).await,
        Handled::NothingAsked,
        "an invitation asks for no Y"
    );
    assert!(matches!(world.receive(a, "join", "JT", later("0:20")).await, Handled::Asked { .. }));
    world.nothing_is_seen(holder, "asked").await;
    assert_eq!(world.receive(a, "late", "Y", later("10:21")).await, Handled::Lapsed);
    let request = world.asks_to_join(a, world.invitation(a, later("11:00")).await, later("11:00")).await.unwrap();
    let code = world.code(a).await;
    let wrong = confirm(&world.db.app, a, request, other_code(&code), later("11:10")).await;
    assert!(matches!(wrong, Err(FamilyError::Request(RequestError::WrongCode))), "{wrong:?}");
    let anothers = confirm(&world.db.app, holder, request, &code, later("11:20")).await;
    assert!(matches!(anothers, Err(FamilyError::Request(_))), "the holder says no yes for another: {anothers:?}");
    let late = confirm(&world.db.app, a, request, &code, later("16:01")).await;
    assert!(matches!(late, Err(FamilyError::Request(_))), "{late:?}");
    assert_eq!(world.receive(a, "no", "N", later("17:00")).await, Handled::Refused);
    assert_eq!(world.receive(a, "after", "Y", later("17:10")).await, Handled::NothingAsked);
    assert_eq!(
        world.receive(a, "again", "JT", later("17:20")).await,
        Handled::NothingAsked,
        "a no is a no to the invitation"
    );
    world.nothing_is_seen(holder, "refused").await;
    let again = world.invites(holder, 2, later("18:00")).await;
    assert!(matches!(again, Err(FamilyError::RefusedLately)), "{again:?}");
    world.invites(holder, 2, now() + TimeDelta::days(31)).await.unwrap();
    for table in ["consent", "family_link"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    world.db.drop().await;
}

#[tokio::test]
async fn a_yes_by_sms_shows_sums_from_its_month_on() {
    let world = World::new().await;
    let (holder, a, b) = (world.subscriber(1).await, world.subscriber(2).await, world.subscriber(3).await);
    for month in ["2026-09", "2026-10"] {
        world.billed(holder, month, &[("recurring", "10.00")]).await;
        let lines = [("recurring", "59.00"), ("data_overage", "1.20"), ("third_party", "6.00")];
        world.billed(a, month, &lines).await;
        world.billed(b, month, &[]).await;
    }
    for n in [2, 3] {
        world.invites(holder, n, later("0:00")).await.unwrap();
    }
    let (kind, body) = world.last_sms(a).await;
    assert!(
        kind == "family_invited" && body.contains("13800000001") && body.contains("看不到通话、上网等详单"),
        "{body}"
    );
    world.receive(a, "1", "jt", later("1:00")).await;
    let (_, body) = world.last_sms(a).await;
    assert!(body.contains("2026年10月起") && body.contains("没有详单"), "{body}");
    assert_eq!(world.receive(a, "2", "Y", later("2:00")).await, Handled::FamilyJoined);
    world.joins(b, later("3:00")).await;
    assert_eq!(world.sees(holder, "2026-09").await, None, "nothing before the yes");
    assert_eq!(
        told(&world.sees(holder, "2026-10").await.unwrap()),
        [
            "13800000001 10.00: recurring 10.00",
            "13800000002 66.20: recurring 59.00, data_overage 1.20, third_party 6.00",
            "13800000003 0: ",
        ]
    );
    let mut conn = world.db.app.acquire().await.unwrap();
    let listed = months(&mut conn, holder).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|one| format!("{} {} {}", one.month, one.total, one.numbers)).collect();
    assert_eq!(listed, ["2026-10 76.20 3"]);
    assert_eq!(months(&mut conn, a).await.unwrap(), [], "who is seen sees nobody");
    let kinds: Vec<_> = world.sms(holder).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["family_agreed", "family_agreed"]);
    world.check_chain(a, 1).await;
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn either_side_ends_it_at_once() {
    let world = World::new().await;
    let (holder, a) = (world.subscriber(1).await, world.subscriber(2).await);
    world.billed(a, "2026-10", &[("recurring", "59.00")]).await;
    world.billed(a, "2026-11", &[("recurring", "59.00")]).await;
    world.invites(holder, 2, later("0:00")).await.unwrap();
    world.joins(a, later("1:00")).await;
    assert!(world.sees(holder, "2026-10").await.is_some());
    assert_eq!(world.leaves(a, later("2:00")).await.as_deref(), Some("13800000001"));
    world.nothing_is_seen(holder, "left").await;
    assert_eq!(world.leaves(a, later("2:01")).await, None);
    assert_eq!(world.last_sms(a).await.0, "family_left");
    assert!(world.last_sms(holder).await.1.contains("13800000002已退出"));

    // A new invitation takes a new yes; then the holder ends it, and only he.
    world.invites(holder, 2, later("3:00")).await.unwrap();
    world.nothing_is_seen(holder, "invited again").await;
    let november = at("2026-11-03T12:00:00+08:00");
    world.invites(holder, 2, november - TimeDelta::hours(1)).await.unwrap();
    world.joins(a, november).await;
    assert_eq!(world.sees(holder, "2026-10").await, None, "nothing of the link before");
    assert!(world.sees(holder, "2026-11").await.is_some());
    let other = world.subscriber(3).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let by = By::subscriber("web");
    assert!(!end(&mut conn, other, a, &by, november).await.unwrap(), "a stranger ends nothing");
    assert!(end(&mut conn, holder, a, &by, november).await.unwrap());
    assert!(!end(&mut conn, holder, a, &by, november).await.unwrap());
    world.nothing_is_seen(holder, "ended").await;
    assert!(world.last_sms(a).await.1.contains("移出"));

    // By SMS.
    world.invites(holder, 2, november + TimeDelta::hours(30)).await.unwrap();
    world.joins(a, november + TimeDelta::hours(31)).await;
    assert_eq!(world.receive(a, "out", "QXJT", november + TimeDelta::hours(32)).await, Handled::FamilyLeft);
    assert_eq!(world.receive(a, "out 2", "QXJT", november + TimeDelta::hours(32)).await, Handled::NothingAsked);
    world.nothing_is_seen(holder, "left by SMS").await;
    world.check_chain(a, 3).await;
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn invitations_have_limits() {
    let world = World::new().await;
    let holder = world.subscriber(1).await;
    let a = world.subscriber(2).await;
    for n in 3..=13 {
        world.subscriber(n).await;
    }
    let refused = async |n, at| world.invites(holder, n, at).await.unwrap_err();
    assert!(matches!(refused(1, now()).await, FamilyError::Oneself));
    assert!(matches!(refused(99, now()).await, FamilyError::NoNumber));
    world.invites(holder, 2, now()).await.unwrap();
    assert!(matches!(refused(2, now()).await, FamilyError::InvitedAlready));

    // It ends with its week, is withdrawn, or refused.
    let week = now() + TimeDelta::days(7);
    let invitation = world.invitation(a, now()).await;
    let late = world.asks_to_join(a, invitation, week + TimeDelta::seconds(1)).await;
    assert!(matches!(late, Err(FamilyError::Gone)), "{late:?}");
    let mut conn = world.db.app.acquire().await.unwrap();
    assert!(family(&mut conn, a, week + TimeDelta::seconds(1)).await.unwrap().received.is_empty());
    let request = world.asks_to_join(a, invitation, later("1:00")).await.unwrap();
    assert!(!withdraw(&mut conn, a, invitation, later("1:30")).await.unwrap(), "only who wrote it takes it back");
    assert!(withdraw(&mut conn, holder, invitation, later("1:30")).await.unwrap());
    let gone = confirm(&world.db.app, a, request, &world.code(a).await, later("2:00")).await;
    assert!(matches!(gone, Err(FamilyError::Gone)), "{gone:?}");
    assert!(!decline(&mut conn, a, invitation, &By::subscriber("web"), later("2:00")).await.unwrap());

    // Five a day, ten in all.
    for n in 3..=6 {
        world.invites(holder, n, later("3:00")).await.unwrap();
    }
    assert_eq!(INVITATIONS_A_DAY, 5);
    assert!(matches!(refused(7, later("3:00")).await, FamilyError::TooMany));
    let tomorrow = now() + TimeDelta::hours(25);
    for n in 7..=11 {
        world.invites(holder, n, tomorrow).await.unwrap();
    }
    let after = tomorrow + TimeDelta::hours(25);
    world.invites(holder, 12, after).await.unwrap();
    assert_eq!(NUMBERS_MAX, 10);
    assert!(matches!(refused(13, after).await, FamilyError::Full));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_number_is_in_one_family_at_a_time() {
    let world = World::new().await;
    let (one, other, a) = (world.subscriber(1).await, world.subscriber(2).await, world.subscriber(3).await);
    world.invites(one, 3, now()).await.unwrap();
    world.joins(a, later("1:00")).await;
    world.invites(other, 3, later("2:00")).await.unwrap();
    let refused = world.asks_to_join(a, world.invitation(a, later("2:00")).await, later("2:00")).await;
    assert!(matches!(refused, Err(FamilyError::InFamily)), "{refused:?}");
    assert_eq!(world.receive(a, "jt", "JT", later("3:00")).await, Handled::Answered);
    world.leaves(a, later("4:00")).await;
    world.joins(a, later("5:00")).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    assert_eq!(family(&mut conn, a, later("6:00")).await.unwrap().seen_by.unwrap().holder_id, other);
    assert!(family(&mut conn, one, later("6:00")).await.unwrap().members.is_empty());
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn the_yes_can_be_checked_and_taken_home() {
    let world = World::new().await;
    let (holder, a) = (world.subscriber(1).await, world.subscriber(2).await);
    world.invites(holder, 2, now()).await.unwrap();
    world.joins(a, later("1:00")).await;
    world.leaves(a, later("5:00")).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let slip = agreement(&mut conn, a, AgreementId::Family(1), later("6:00")).await.unwrap().unwrap();
    let first_month = "2026-10".parse().unwrap();
    assert_eq!(slip.about, About::Family { holder: "13800000001".to_owned(), first_month });
    assert_eq!((slip.evidence.purpose.as_str(), slip.evidence.holder_id), ("family", Some(holder)));
    let steps: Vec<StepKind> = slip.steps.iter().map(|step| step.what).collect();
    assert_eq!(steps, [StepKind::Asked, StepKind::Agreed, StepKind::FamilyJoined, StepKind::FamilyLeft]);
    let kinds: Vec<&str> = slip.messages.iter().map(|message| message.kind.as_str()).collect();
    assert_eq!(kinds, ["family_request", "family_joined"]);
    assert_eq!(agreement(&mut conn, holder, AgreementId::Family(1), later("6:00")).await.unwrap(), None);

    let subscriber = find(&mut conn, a).await.unwrap().unwrap();
    let key = charging::consent::key::signing_key(&mut conn, now(), &mut rng(1)).await.unwrap();
    let file = proof::write(&slip, &subscriber.msisdn, &key);
    let sound = proof::check(&file, Some(key.public())).unwrap();
    assert_eq!((sound.evidence.holder_id, sound.proof.order_id), (Some(holder), None));
    let text = String::from_utf8(file).unwrap();
    let forged = text.replace(&format!(r#"\"holder_id\":{holder}"#), &format!(r#"\"holder_id\":{}"#, holder + 7));
    assert!(forged != text && proof::check(forged.as_bytes(), None).is_err());

    let page = history(&mut conn, a, later("6:00"), 0, 10).await.unwrap();
    assert_eq!(page.total, 1);
    assert!(matches!(&page.entries[0].what, What::Family { holder, left_at: Some(_), .. } if holder == "13800000001"));
    drop(conn);
    let report = audit(&world.db.app, None, || ()).await.unwrap();
    assert_eq!(report.differences, 0, "{:?}", report.described);
    world.db.drop().await;
}

#[tokio::test]
async fn a_yes_on_paper_links_nobody() {
    let world = World::new().await;
    let (holder, a) = (world.subscriber(1).await, world.subscriber(2).await);
    let consent = NewConsent {
        subscriber_id: a,
        subject: Subject::Family { holder_id: holder },
        method: Method::Signature,
        channel_id: "import".to_owned(),
        asked_at: now(),
        agreed_at: now(),
        request_id: None,
        reference: Some("slip 1".to_owned()),
        description: "家庭账单".to_owned(),
        answer: "signed".to_owned(),
    };
    let mut tx = world.db.app.begin().await.unwrap();
    let refused = charging::consent::store::record(&mut tx, &consent).await;
    assert!(
        matches!(&refused, Err(ConsentError::Database(error)) if error.to_string().contains("consent_family_asked")),
        "{refused:?}"
    );
    tx.rollback().await.unwrap();
    world.db.drop().await;
}
