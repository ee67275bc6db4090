//! From a blank form to a version on sale, and everybody who must not take a step of the way.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use charging::clock::ManualClock;
use charging::staff::{Actor, Member, Permission, Role, StaffError};
use charging::tariff::draft::store::{
    Beginning, DraftError, Live, Saved, create, decide, discard, find, list, publish_due, reasons, save, submission,
    submit, withdraw,
};
use charging::tariff::draft::{AllowanceRow, DraftForm, Lead, OverageRow, State, Unready, Verdict, check, reason_key};
use charging::tariff::store::{self, find as newest, versions, zone};
use charging::tariff::{SchemeId, ZoneQuery};
use charging::testing::TestDatabase;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

fn now() -> DateTime<Utc> {
    "2026-10-15T12:00:00+08:00".parse().unwrap()
}

fn later(minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minutes)
}

/// A clock that stands so many minutes later.
fn clock(minutes: i64) -> ManualClock {
    ManualClock::new(later(minutes))
}

fn id() -> SchemeId {
    "26MB900777".parse().unwrap()
}

/// A plan that anybody understands, at so many yuan a month.
fn plan(monthly: &str) -> DraftForm {
    let text = |text: &str| text.to_owned();
    DraftForm {
        scheme_id: id().to_string(),
        name: text("明白套餐"),
        audience: text("所有用户"),
        channels: text("网上营业厅\n营业厅"),
        on_sale_from: text("2026-10-01"),
        on_sale_until: text("2027-12-31"),
        validity: text("长期有效，每月自动续，退订前一直收"),
        commitment: text("无"),
        cancel: text("网上营业厅、营业厅、短信 10086，月底停"),
        penalty: text("无"),
        restrictions: text("仅限境内使用"),
        monthly: text(monthly),
        allowances: vec![AllowanceRow { service: text("data"), quantity: text("10GB"), ..AllowanceRow::default() }],
        overage: vec![OverageRow {
            service: text("data"),
            model: text("unit"),
            price: text("0.03"),
            unit: text("1MB"),
            ..OverageRow::default()
        }],
        ..DraftForm::blank()
    }
}

/// Two who write and two who approve; the last does both.
struct Office {
    db: TestDatabase,
    li: Actor,
    wang: Actor,
    zhou: Actor,
    both: Actor,
}

impl Office {
    async fn new() -> Self {
        let db = TestDatabase::create().await;
        let mut people = Vec::new();
        for (login, roles) in [
            ("li", vec![Role::TariffManager]),
            ("wang", vec![Role::TariffManager]),
            ("zhou", vec![Role::TariffApprover]),
            ("both", vec![Role::TariffManager, Role::TariffApprover]),
        ] {
            let staff_id: i64 = sqlx::query_scalar(
                "insert into staff (login, name, created_at) values ($1, $1, now()) returning staff_id",
            )
            .bind(format!("{login}.x"))
            .fetch_one(&db.app)
            .await
            .unwrap();
            let login = format!("{login}.x").parse().unwrap();
            let member = Member { staff_id, login, name: "x".to_owned(), roles };
            people.push(Actor::Member { member, address: IpAddr::V4(Ipv4Addr::LOCALHOST) });
        }
        let [li, wang, zhou, both] = people.try_into().unwrap();
        Self { db, li, wang, zhou, both }
    }

    async fn conn(&self) -> sqlx::Transaction<'static, sqlx::Postgres> {
        self.db.app.begin().await.unwrap()
    }
}

fn lead() -> Lead {
    "1h".parse().unwrap()
}

/// A draft of this plan, or of its next version.
async fn draft(conn: &mut PgConnection, by: &Actor, monthly: &str, next: bool) -> (i64, i32) {
    let beginning = if next { Beginning::NextVersion(id()) } else { Beginning::Blank };
    let draft_id = create(conn, by, beginning, now()).await.unwrap();
    let saved = save(conn, by, (draft_id, 1), plan(monthly), now()).await.unwrap();
    assert_eq!(saved, Saved::Revision(2));
    (draft_id, 2)
}

async fn submitted(
    conn: &mut PgConnection,
    by: &Actor,
    draft: (i64, i32),
    at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<i64, DraftError> {
    submit(conn, by, draft, (at, &BTreeMap::new()), lead(), now).await
}

#[tokio::test]
async fn what_was_approved_is_public_at_its_time_and_sold_after_that() {
    let office = Office::new().await;
    let mut conn = office.conn().await;
    let first = draft(&mut conn, &office.li, "39", false).await;
    let submission_id = submitted(&mut conn, &office.li, first, Some(later(60)), now()).await.unwrap();
    assert_eq!(find(&mut conn, first.0).await.unwrap().unwrap().state, State::Waiting);
    assert_eq!(publish_due(&mut conn, &clock(120)).await.unwrap(), [], "nobody has approved it");
    decide(&mut conn, &office.zhou, submission_id, (Verdict::Approved, "好"), later(1)).await.unwrap();
    assert_eq!(publish_due(&mut conn, &clock(59)).await.unwrap(), [], "before its time");
    assert_eq!(newest(&mut conn, &id()).await.unwrap(), None);
    // The worker was late by five minutes, and so is everything after it.
    let live = publish_due(&mut conn, &clock(65)).await.unwrap();
    assert_eq!((live[0].scheme_id.clone(), live[0].version), (id(), 1));
    assert_eq!(publish_due(&mut conn, &clock(66)).await.unwrap(), [], "once");
    let tariff = newest(&mut conn, &id()).await.unwrap().unwrap();
    assert_eq!((tariff.published_at, tariff.orderable_from), (later(65), later(125)));
    let query = ZoneQuery { text: "明白套餐".to_owned(), ..ZoneQuery::default() };
    assert_eq!(zone(&mut conn, &query, later(65)).await.unwrap().items[0].version, 1);

    let second = draft(&mut conn, &office.wang, "49", true).await;
    let submission_id = submitted(&mut conn, &office.wang, second, None, later(200)).await.unwrap();
    decide(&mut conn, &office.zhou, submission_id, (Verdict::Approved, ""), later(201)).await.unwrap();
    assert_eq!(publish_due(&mut conn, &clock(201)).await.unwrap()[0].version, 2);
    let all = versions(&mut conn, &id()).await.unwrap();
    assert_eq!(all.iter().map(|tariff| tariff.version).collect::<Vec<_>>(), [2, 1]);
    let ids = [id().to_string()];
    for (at, version) in [(later(260), 1), (later(261), 2)] {
        assert_eq!(store::orderable(&mut conn, &ids, at).await.unwrap()[0].version, version, "{at}");
    }
    let whole = submission(&mut conn, submission_id).await.unwrap().unwrap();
    assert_eq!((whole.state, whole.live), (State::Live, Some((later(201), later(261)))));
    drop(conn);
    office.db.drop().await;
}

#[tokio::test]
async fn nobody_approves_what_he_wrote_in() {
    let office = Office::new().await;
    let mut conn = office.conn().await;
    // He wrote one word of it, long before somebody else finished and submitted it.
    let (draft_id, _) = draft(&mut conn, &office.both, "39", false).await;
    let saved = save(&mut conn, &office.li, (draft_id, 2), plan("49"), now()).await.unwrap();
    assert_eq!(saved, Saved::Revision(3));
    let submission_id = submitted(&mut conn, &office.li, (draft_id, 3), None, now()).await.unwrap();
    conn.commit().await.unwrap();
    let mut conn = office.conn().await;
    let own = decide(&mut conn, &office.both, submission_id, (Verdict::Approved, ""), now()).await;
    assert!(matches!(own, Err(DraftError::OwnWork)), "{own:?}");
    drop(conn);
    let mut conn = office.conn().await;
    let may_not = decide(&mut conn, &office.wang, submission_id, (Verdict::Approved, ""), now()).await;
    let forbidden = |result: Result<(), DraftError>, needs| {
        assert!(matches!(result, Err(DraftError::Staff(StaffError::Forbidden(p))) if p == needs), "{result:?}");
    };
    forbidden(may_not, Permission::ApproveTariffs);
    forbidden(create(&mut conn, &office.zhou, Beginning::Blank, now()).await.map(drop), Permission::DraftTariffs);
    let engineer = create(&mut conn, &Actor::Engineer, Beginning::Blank, now()).await;
    assert!(matches!(engineer, Err(DraftError::Nobody)), "{engineer:?}");
    let foreign = submitted(&mut conn, &office.wang, (draft_id, 3), None, now()).await;
    assert!(matches!(foreign, Err(DraftError::State(State::Waiting))), "{foreign:?}");
    decide(&mut conn, &office.zhou, submission_id, (Verdict::Approved, ""), now()).await.unwrap();
    let again = decide(&mut conn, &office.zhou, submission_id, (Verdict::Returned, "不"), now()).await;
    assert!(matches!(again, Err(DraftError::State(State::Approved))), "{again:?}");
    drop(conn);
    office.db.drop().await;
}

#[tokio::test]
async fn what_two_wrote_at_once_is_both_kept() {
    let office = Office::new().await;
    let mut conn = office.conn().await;
    let (draft_id, _) = draft(&mut conn, &office.li, "39", false).await;
    let unchanged = save(&mut conn, &office.wang, (draft_id, 2), plan("39"), now()).await.unwrap();
    assert_eq!(unchanged, Saved::Unchanged);
    assert_eq!(save(&mut conn, &office.li, (draft_id, 2), plan("49"), now()).await.unwrap(), Saved::Revision(3));
    let Saved::Apart { draft_id: apart } =
        save(&mut conn, &office.wang, (draft_id, 2), plan("59"), now()).await.unwrap()
    else {
        panic!("it went over what the other saved");
    };
    let prices = [draft_id, apart];
    let mut found = Vec::new();
    for draft_id in prices {
        let draft = find(&mut conn, draft_id).await.unwrap().unwrap();
        found.push((draft.form.monthly, draft.authors.len()));
    }
    assert_eq!(found, [("49".to_owned(), 1), ("59".to_owned(), 2)]);
    let stale = submitted(&mut conn, &office.li, (draft_id, 2), None, now()).await;
    assert!(matches!(stale, Err(DraftError::Newer(3))), "{stale:?}");
    discard(&mut conn, &office.wang, apart, now()).await.unwrap();
    let page = list(&mut conn, None, "900777", 1).await.unwrap();
    assert_eq!(page.items.iter().map(|item| item.draft_id).collect::<Vec<_>>(), [draft_id]);
    assert!(page.counts.contains(&(State::Discarded, 1)) && page.counts.contains(&(State::Editing, 1)));
    drop(conn);
    office.db.drop().await;
}

#[tokio::test]
async fn an_error_is_not_submitted_and_a_reason_is_published() {
    let office = Office::new().await;
    let mut conn = office.conn().await;
    let (draft_id, _) = draft(&mut conn, &office.li, "39", false).await;
    let vague = DraftForm { notes: "具体以当地营业厅为准".to_owned(), ..plan("39") };
    save(&mut conn, &office.li, (draft_id, 2), vague, now()).await.unwrap();
    let refused = submitted(&mut conn, &office.li, (draft_id, 3), None, now()).await;
    assert!(matches!(refused, Err(DraftError::Unready(Unready::Errors(_)))), "{refused:?}");
    let jargon = DraftForm { notes: "费用趸交".to_owned(), ..plan("39") };
    save(&mut conn, &office.li, (draft_id, 3), jargon.clone(), now()).await.unwrap();
    let refused = submitted(&mut conn, &office.li, (draft_id, 4), None, now()).await;
    assert!(matches!(refused, Err(DraftError::Unready(Unready::NoReason(1)))), "{refused:?}");
    let key = reason_key(check(&jargon).warnings().next().unwrap());
    let written = BTreeMap::from([(key, "合同用词".to_owned())]);
    let submitted = submit(&mut conn, &office.li, (draft_id, 4), (None, &written), lead(), now()).await.unwrap();
    let returned = decide(&mut conn, &office.zhou, submitted, (Verdict::Returned, " "), now()).await;
    assert!(matches!(returned, Err(DraftError::NoComment)));
    decide(&mut conn, &office.zhou, submitted, (Verdict::Returned, "再想想"), now()).await.unwrap();
    assert_eq!(find(&mut conn, draft_id).await.unwrap().unwrap().state, State::Returned);
    let submitted = submit(&mut conn, &office.li, (draft_id, 4), (None, &written), lead(), later(1)).await.unwrap();
    decide(&mut conn, &office.zhou, submitted, (Verdict::Approved, ""), later(2)).await.unwrap();
    publish_due(&mut conn, &clock(3)).await.unwrap();
    let public = reasons(&mut conn, &id(), 1).await.unwrap();
    assert_eq!(public.iter().map(|finding| finding.reason.as_str()).collect::<Vec<_>>(), ["合同用词"]);
    drop(conn);
    office.db.drop().await;
}

#[tokio::test]
async fn one_at_a_time_after_the_newest_version_and_what_is_taken_back_stays_back() {
    let office = Office::new().await;
    let mut conn = office.conn().await;
    let first = draft(&mut conn, &office.li, "39", false).await;
    let second = draft(&mut conn, &office.wang, "49", false).await;
    let waiting = submitted(&mut conn, &office.li, first, None, now()).await.unwrap();
    let refused = submitted(&mut conn, &office.wang, second, None, now()).await;
    assert!(matches!(refused, Err(DraftError::AlreadySubmitted)), "{refused:?}");
    decide(&mut conn, &office.zhou, waiting, (Verdict::Approved, ""), now()).await.unwrap();
    withdraw(&mut conn, &office.li, waiting, later(1)).await.unwrap();
    assert_eq!(publish_due(&mut conn, &clock(10)).await.unwrap(), [], "it was taken back");
    let again = withdraw(&mut conn, &office.li, waiting, later(2)).await;
    assert!(matches!(again, Err(DraftError::State(State::Editing))), "{again:?}");
    let other = submitted(&mut conn, &office.wang, second, None, later(3)).await.unwrap();
    decide(&mut conn, &office.zhou, other, (Verdict::Approved, ""), later(4)).await.unwrap();
    publish_due(&mut conn, &clock(5)).await.unwrap();
    let late = submitted(&mut conn, &office.li, first, None, later(6)).await;
    assert!(matches!(late, Err(DraftError::OldBase(1))), "{late:?}");
    let same = draft(&mut conn, &office.li, "49.00", true).await;
    let same = submitted(&mut conn, &office.li, same, None, later(6)).await;
    assert!(matches!(same, Err(DraftError::SaysTheSame)), "{same:?}");
    let past = draft(&mut conn, &office.li, "59", true).await;
    let past = submitted(&mut conn, &office.li, past, Some(now()), later(6)).await;
    assert!(matches!(past, Err(DraftError::Unready(Unready::Past))), "{past:?}");
    drop(conn);
    office.db.drop().await;
}

#[tokio::test]
async fn a_draft_that_began_with_another_tariff_has_not_seen_this_one() {
    let office = Office::new().await;
    let mut conn = office.conn().await;
    for (scheme_id, at) in [("26MB900777", 1), ("26MB900778", 3)] {
        let draft_id = create(&mut conn, &office.li, Beginning::Blank, now()).await.unwrap();
        let form = DraftForm { scheme_id: scheme_id.to_owned(), name: scheme_id.to_owned(), ..plan("39") };
        save(&mut conn, &office.li, (draft_id, 1), form, now()).await.unwrap();
        let waiting = submitted(&mut conn, &office.li, (draft_id, 2), None, now()).await.unwrap();
        decide(&mut conn, &office.zhou, waiting, (Verdict::Approved, ""), later(at)).await.unwrap();
        assert_eq!(publish_due(&mut conn, &clock(at)).await.unwrap().len(), 1);
    }
    let draft_id = create(&mut conn, &office.li, Beginning::NextVersion(id()), later(4)).await.unwrap();
    let other = DraftForm { scheme_id: "26MB900778".to_owned(), ..plan("49") };
    save(&mut conn, &office.li, (draft_id, 1), other, later(4)).await.unwrap();
    let unseen = submitted(&mut conn, &office.li, (draft_id, 2), None, later(4)).await;
    assert!(matches!(unseen, Err(DraftError::OldBase(1))), "{unseen:?}");
    drop(conn);
    office.db.drop().await;
}

/// Publishes what is due while somebody else is at work, who goes on once it waits for him.
async fn publish_behind(
    office: &Office,
    clock: &Arc<ManualClock>,
    other: impl Future<Output = ()>,
) -> Result<Vec<Live>, DraftError> {
    let (mut conn, clock) = (office.conn().await, clock.clone());
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *conn).await.unwrap();
    let publishing = tokio::spawn(async move {
        let live = publish_due(&mut conn, &*clock).await?;
        conn.commit().await.unwrap();
        Ok(live)
    });
    let waits = "select exists (select from pg_locks where pid = $1 and not granted)";
    while !sqlx::query_scalar::<_, bool>(waits).bind(pid).fetch_one(&office.db.app).await.unwrap() {
        assert!(!publishing.is_finished(), "it waits for nobody");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    other.await;
    publishing.await.unwrap()
}

#[tokio::test]
async fn what_is_taken_back_meanwhile_stays_back_though_the_draft_is_approved_anew() {
    let office = Office::new().await;
    let mut conn = office.conn().await;
    let first = draft(&mut conn, &office.li, "39", false).await;
    let back = submitted(&mut conn, &office.li, first, None, now()).await.unwrap();
    decide(&mut conn, &office.zhou, back, (Verdict::Approved, ""), now()).await.unwrap();
    conn.commit().await.unwrap();
    let mut conn = office.conn().await;
    withdraw(&mut conn, &office.li, back, later(1)).await.unwrap();
    let winter = Some(now() + TimeDelta::days(100));
    let anew = submitted(&mut conn, &office.li, first, winter, later(1)).await.unwrap();
    decide(&mut conn, &office.zhou, anew, (Verdict::Approved, ""), later(2)).await.unwrap();
    let live = publish_behind(&office, &Arc::new(clock(3)), async { conn.commit().await.unwrap() }).await.unwrap();
    assert_eq!(live, []);
    let mut conn = office.conn().await;
    assert_eq!(submission(&mut conn, back).await.unwrap().unwrap().state, State::Editing);
    assert_eq!(submission(&mut conn, anew).await.unwrap().unwrap().state, State::Approved);
    drop(conn);
    office.db.drop().await;
}

#[tokio::test]
async fn what_had_to_wait_is_public_since_it_really_was() {
    let office = Office::new().await;
    let mut conn = office.conn().await;
    let first = draft(&mut conn, &office.li, "39", false).await;
    let waiting = submitted(&mut conn, &office.li, first, None, now()).await.unwrap();
    decide(&mut conn, &office.zhou, waiting, (Verdict::Approved, ""), now()).await.unwrap();
    conn.commit().await.unwrap();
    let clock = Arc::new(clock(1));
    let mut conn = office.conn().await;
    sqlx::query("select pg_advisory_xact_lock(hashtext('tariff_publish'))").execute(&mut *conn).await.unwrap();
    let import = async {
        clock.set(later(5));
        conn.commit().await.unwrap();
    };
    assert_eq!(publish_behind(&office, &clock, import).await.unwrap().len(), 1);
    let mut conn = office.conn().await;
    let tariff = newest(&mut conn, &id()).await.unwrap().unwrap();
    assert_eq!((tariff.published_at, tariff.orderable_from), (later(5), later(65)));
    drop(conn);
    office.db.drop().await;
}
