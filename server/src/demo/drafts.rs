//! What the demo's staff has in work: a draft with faults, one that waits for approval, one that goes live in three days.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context as _;
use charging::clock::{local_date, start_of_day};
use charging::staff::account::find_by_login;
use charging::staff::{Actor, Member, Role};
use charging::tariff::SchemeId;
use charging::tariff::draft::store::{Beginning, DraftError, create, decide, find, list, save, submit};
use charging::tariff::draft::{DraftForm, Verdict, check, lead, reason_key};
use chrono::{DateTime, Days, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

/// Goes live in three days: more data for the same fee.
const APPROVED: &str = "24MB900004";
/// Waits for approval: an add-on that becomes cheaper.
const WAITING: &str = "24MB900104";
/// Being written, with faults that anybody can find.
const WRITTEN: &str = "24MB900013";

/// Makes them where nobody ever wrote a draft.
///
/// # Errors
/// When the database fails.
pub async fn ensure(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    let manager = member(&mut tx, "demo.manager", Role::TariffManager).await?;
    let approver = member(&mut tx, "demo.approver", Role::TariffApprover).await?;
    let (Some(manager), Some(approver)) = (manager, approver) else { return Ok(()) };
    if list(&mut tx, None, "", 1).await?.counts.iter().any(|(_, n)| *n > 0) {
        return Ok(());
    }
    let yesterday = now - TimeDelta::days(1);
    let in_three_days = local_date(now).checked_add_days(Days::new(3)).context("the calendar ends")?;
    let work = [
        (APPROVED, &more_data as &Change, Some(Some(start_of_day(in_three_days)))),
        (WAITING, &cheaper, Some(None)),
        (WRITTEN, &faulty, None),
    ];
    for (scheme_id, change, submitted) in work {
        let scheme_id: SchemeId = scheme_id.parse()?;
        let draft = match draft(&mut tx, &manager, scheme_id, change, yesterday).await {
            Ok(draft) => draft,
            // A demo of earlier had no such tariff.
            Err(DraftError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let Some(at) = submitted else { continue };
        let form = find(&mut tx, draft.0).await?.context("the draft is there")?.form;
        let reasons: BTreeMap<String, String> = check(&form)
            .warnings()
            .map(|finding| (reason_key(finding), "和现行版本的说法一致，用户熟悉。".to_owned()))
            .collect();
        let submission = match submit(&mut tx, &manager, draft, (at, &reasons), lead(), yesterday).await {
            Ok(submission) => submission,
            Err(DraftError::Unready(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        if at.is_some() {
            let yes = (Verdict::Approved, "用户得到的更多，价格不变，同意。");
            decide(&mut tx, &approver, submission, yes, now).await?;
        }
    }
    Ok(tx.commit().await?)
}

type Change = dyn Fn(&mut DraftForm) + Sync;

fn more_data(form: &mut DraftForm) {
    if let Some(data) = form.allowances.iter_mut().find(|row| row.service == "data") {
        "25GB".clone_into(&mut data.quantity);
    }
}

fn cheaper(form: &mut DraftForm) {
    "10.00".clone_into(&mut form.monthly);
}

fn faulty(form: &mut DraftForm) {
    "49.999".clone_into(&mut form.monthly);
    "具体以当地营业厅为准".clone_into(&mut form.notes);
    form.validity.clear();
}

async fn draft(
    conn: &mut PgConnection,
    manager: &Actor,
    scheme_id: SchemeId,
    change: &Change,
    at: DateTime<Utc>,
) -> Result<(i64, i32), DraftError> {
    let draft_id = create(conn, manager, Beginning::NextVersion(scheme_id), at).await?;
    let mut form = find(conn, draft_id).await?.ok_or(DraftError::NotFound)?.form;
    change(&mut form);
    save(conn, manager, (draft_id, 1), form, at).await?;
    Ok((draft_id, 2))
}

async fn member(conn: &mut PgConnection, login: &str, role: Role) -> anyhow::Result<Option<Actor>> {
    let login = login.parse()?;
    let Some(staff_id) = find_by_login(conn, &login).await? else { return Ok(None) };
    let member = Member { staff_id, name: login.to_string(), login, roles: vec![role] };
    Ok(Some(Actor::Member { member, address: IpAddr::V4(Ipv4Addr::LOCALHOST) }))
}
