//! What the forms do. Each asks `charging` again whether it is allowed.

use charging::channel::store::ChannelError;
use charging::channel::{ChannelId, InvalidChannelId};
use charging::clock::start_of_day;
use charging::incident::desk::{self, Draft, Excluded, IncidentError, Query};
use charging::incident::detector::store::{SetError, set};
use charging::incident::detector::{Detector, Figures, UnknownDetector};
use charging::incident::finding::store::{FindingError, dismiss};
use charging::incident::statement::{StatementFault, Wording};
use charging::refund::RefundError;
use charging::staff::{InvalidLogin, Login, StaffError};
use charging::subscriber::{InvalidMsisdn, Msisdn};
use chrono::{DateTime, Days, NaiveDate, Utc};
use leptos::prelude::*;
use sqlx::PgConnection;

use crate::request::redirect;
use crate::staff::actor;
use crate::state::AppState;

/// Why a form was not followed.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Incident(#[from] IncidentError),
    #[error(transparent)]
    Finding(#[from] FindingError),
    #[error(transparent)]
    Detector(#[from] SetError),
    #[error(transparent)]
    UnknownDetector(#[from] UnknownDetector),
    #[error(transparent)]
    Number(#[from] InvalidMsisdn),
    #[error(transparent)]
    Login(#[from] InvalidLogin),
    #[error(transparent)]
    Channel(#[from] InvalidChannelId),
    #[error("it is no day")]
    Day,
    #[error("it is no whole number")]
    Figure,
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Refusal {
    /// The name of the problem in an address.
    fn name(&self) -> &'static str {
        match self {
            Self::Incident(error) => incident_problem(error),
            Self::Finding(error) => finding_problem(error),
            Self::Detector(SetError::Parameter(_)) | Self::Figure => "figure",
            Self::Detector(SetError::Unchanged | SetError::Overtaken) => "unchanged",
            Self::Detector(SetError::Staff(StaffError::Forbidden(_))) => "forbidden",
            Self::UnknownDetector(_) => "gone",
            Self::Number(_) => "number",
            Self::Login(_) => "no_account",
            Self::Channel(_) => "no_channel",
            Self::Day => "day",
            Self::Detector(_) | Self::Database(_) => "failed",
        }
    }
}

fn incident_problem(error: &IncidentError) -> &'static str {
    match error {
        IncidentError::NotFound => "gone",
        IncidentError::Title => "title",
        IncidentError::Reason => "reason",
        IncidentError::Scope => "scope",
        IncidentError::NothingAffected => "nothing",
        IncidentError::Stage(_) => "stage",
        IncidentError::SamePerson
        | IncidentError::Refund(RefundError::Oneself)
        | IncidentError::Staff(StaffError::Oneself)
        | IncidentError::Channel(ChannelError::Oneself) => "same",
        IncidentError::Stale => "stale",
        IncidentError::NoCharge => "no_charge",
        IncidentError::NoTariff => "no_tariff",
        IncidentError::Unbilled(_) => "unbilled",
        IncidentError::NothingToFreeze => "nothing_to_freeze",
        IncidentError::NotFrozen | IncidentError::Staff(StaffError::Unchanged) => "unchanged",
        IncidentError::NoAccount => "no_account",
        IncidentError::Channel(ChannelError::NotFound | ChannelError::DecidedBefore) => "no_channel",
        IncidentError::NotDone => "not_done",
        IncidentError::Statement(StatementFault::Length) => "statement_length",
        IncidentError::Statement(StatementFault::NoFigures | StatementFault::UnknownFigure) => "statement_figures",
        IncidentError::Finding(error) => finding_problem(error),
        IncidentError::Staff(StaffError::Forbidden(_)) => "forbidden",
        IncidentError::Staff(_)
        | IncidentError::Refund(_)
        | IncidentError::Channel(_)
        | IncidentError::Notice(_)
        | IncidentError::Corrupt(_)
        | IncidentError::Database(_) => "failed",
    }
}

fn finding_problem(error: &FindingError) -> &'static str {
    match error {
        FindingError::NotFound => "gone",
        FindingError::Reason => "reason",
        FindingError::Changed => "changed",
        FindingError::Staff(StaffError::Forbidden(_)) => "forbidden",
        FindingError::Staff(_) | FindingError::Corrupt(_) | FindingError::Database(_) => "failed",
    }
}

/// Does something in one transaction.
async fn done<T>(work: impl AsyncFnOnce(&mut PgConnection, DateTime<Utc>) -> Result<T, Refusal>) -> Result<T, Refusal> {
    let state = AppState::current();
    let mut tx = state.pool.begin().await?;
    let result = work(&mut tx, state.clock.now()).await?;
    tx.commit().await?;
    Ok(result)
}

/// Sends the browser on: where it was done, with what was done, or back with the reason why it was not.
fn answer(done: Result<String, Refusal>, back: &str) {
    redirect(&match done {
        Ok(path) => path,
        Err(error) => {
            let problem = error.name();
            if problem == "failed" {
                tracing::error!(error = &error as &dyn std::error::Error, "an incident could not be handled");
            }
            format!("{back}?problem={problem}")
        }
    });
}

/// Notes that there is nothing wrong with a finding.
#[server(prefix = "/staff/api", endpoint = "dismiss_finding")]
pub async fn staff_dismiss_finding(finding: i64, charges: i64, reason: String) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(dismiss(db, &actor(), finding, (charges, &reason), now).await?));
    let page = format!("/staff/incidents/findings/{finding}");
    answer(work.await.map(|()| format!("{page}?ok=dismissed")), &page);
    Ok(())
}

/// Opens an incident about a finding.
#[server(prefix = "/staff/api", endpoint = "open_incident_from_finding")]
pub async fn staff_open_incident_from_finding(finding: i64, title: String) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::open_from_finding(db, &actor(), &title, finding, now).await?));
    let opened = work.await.map(|id| format!("/staff/incidents/{id}?ok=opened"));
    answer(opened, &format!("/staff/incidents/findings/{finding}"));
    Ok(())
}

/// Opens an incident about a tariff, a source, a time, a region.
#[server(prefix = "/staff/api", endpoint = "open_incident")]
pub async fn staff_open_incident(
    title: String,
    #[server(default)] tariff: String,
    #[server(default)] source: String,
    #[server(default)] from: String,
    #[server(default)] until: String,
    #[server(default)] region: String,
) -> Result<(), ServerFnError> {
    let given = |text: &str, chars_max: usize| {
        let text = text.trim();
        (!text.is_empty()).then(|| text.chars().take(chars_max).collect::<String>())
    };
    let work = done(async |db, now| {
        let until = day(&until)?.and_then(|day| day.checked_add_days(Days::new(1)));
        let query = Query {
            scheme_id: given(&tariff, 64),
            source: given(&source, 100),
            from: day(&from)?.map(start_of_day),
            until: until.map(start_of_day),
            region: given(&region, 200),
        };
        Ok(desk::open(db, &actor(), &title, &query, now).await?)
    });
    answer(work.await.map(|id| format!("/staff/incidents/{id}?ok=opened")), "/staff/incidents");
    Ok(())
}

fn day(typed: &str) -> Result<Option<NaiveDate>, Refusal> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let day: NaiveDate = typed.parse().map_err(|_| Refusal::Day)?;
    let is_sound =
        NaiveDate::from_ymd_opt(2000, 1, 1) <= Some(day) && Some(day) <= NaiveDate::from_ymd_opt(2199, 12, 31);
    if is_sound { Ok(Some(day)) } else { Err(Refusal::Day) }
}

/// Stops sales of a tariff.
#[server(prefix = "/staff/api", endpoint = "stop_sales")]
pub async fn staff_stop_sales(incident: i64, tariff: String) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::stop_sales(db, &actor(), incident, &tariff, now).await?));
    step(incident, work.await, "stopped");
    Ok(())
}

/// Lets sales of a tariff go on.
#[server(prefix = "/staff/api", endpoint = "resume_sales")]
pub async fn staff_resume_sales(incident: i64, tariff: String) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::resume_sales(db, &actor(), incident, &tariff, now).await?));
    step(incident, work.await, "resumed");
    Ok(())
}

/// Blocks an account that had a part in it.
#[server(prefix = "/staff/api", endpoint = "block_source")]
pub async fn staff_block_source(incident: i64, login: String) -> Result<(), ServerFnError> {
    let work = done(async |db, now| {
        let login: Login = login.trim().parse()?;
        Ok(desk::block(db, &actor(), incident, &login, now).await?)
    });
    step(incident, work.await, "blocked");
    Ok(())
}

/// Unblocks an account that somebody else blocked.
#[server(prefix = "/staff/api", endpoint = "unblock_source")]
pub async fn staff_unblock_source(incident: i64, account: i64) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::unblock(db, &actor(), incident, account, now).await?));
    step(incident, work.await, "unblocked");
    Ok(())
}

/// Stops an agent's channel that had a part in it.
#[server(prefix = "/staff/api", endpoint = "stop_source_channel")]
pub async fn staff_stop_source_channel(incident: i64, channel: String) -> Result<(), ServerFnError> {
    let work = done(async |db, now| {
        let channel: ChannelId = channel.trim().parse()?;
        Ok(desk::stop_channel(db, &actor(), incident, &channel, now).await?)
    });
    step(incident, work.await, "channel_stopped");
    Ok(())
}

/// Freezes what was ordered in the batch.
#[server(prefix = "/staff/api", endpoint = "freeze_orders")]
pub async fn staff_freeze_orders(incident: i64) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::freeze_orders(db, &actor(), incident, now).await?));
    step(incident, work.await, "frozen");
    Ok(())
}

/// Lets what somebody else froze be charged again.
#[server(prefix = "/staff/api", endpoint = "lift_freeze")]
pub async fn staff_lift_freeze(incident: i64) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::lift_freeze(db, &actor(), incident, now).await?));
    step(incident, work.await, "unfrozen");
    Ok(())
}

/// Begins what the public is told from the template.
#[server(prefix = "/staff/api", endpoint = "begin_statement")]
pub async fn staff_begin_statement(incident: i64) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::begin(db, &actor(), incident, now).await?));
    match work.await {
        Ok(()) => statement_step(incident, Ok(()), "statement_saved"),
        Err(error) => step::<()>(incident, Err(error), ""),
    }
    Ok(())
}

/// Writes another version of it.
#[server(prefix = "/staff/api", endpoint = "save_statement")]
pub async fn staff_save_statement(
    incident: i64,
    #[server(default)] title_zh: String,
    #[server(default)] text_zh: String,
    #[server(default)] title_en: String,
    #[server(default)] text_en: String,
) -> Result<(), ServerFnError> {
    let draft = Draft {
        chinese: Wording { title: title_zh, text: text_zh },
        english: Wording { title: title_en, text: text_en },
    };
    let work = done(async |db, now| Ok(desk::save(db, &actor(), incident, &draft, now).await?));
    statement_step(incident, work.await, "statement_saved");
    Ok(())
}

/// Lets out the version that somebody else wrote.
#[server(prefix = "/staff/api", endpoint = "publish_statement")]
pub async fn staff_publish_statement(incident: i64, version: i32) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::publish(db, &actor(), incident, version, now).await?));
    statement_step(incident, work.await, "statement_published");
    Ok(())
}

fn statement_step<T>(incident: i64, done: Result<T, Refusal>, what: &str) {
    let page = format!("/staff/incidents/{incident}/statement");
    answer(done.map(|_| format!("{page}?ok={what}")), &page);
}

/// Makes the list of everyone affected.
#[server(prefix = "/staff/api", endpoint = "list_affected")]
pub async fn staff_list_affected(incident: i64) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::freeze(db, &actor(), incident, now).await?));
    step(incident, work.await, "listed");
    Ok(())
}

/// Takes charges out of the list: those of a number, those of everybody who agreed, or those that are on no bill yet.
#[server(prefix = "/staff/api", endpoint = "exclude_affected")]
pub async fn staff_exclude_affected(
    incident: i64,
    #[server(default)] number: Option<String>,
    #[server(default)] unbilled: bool,
    reason: String,
) -> Result<(), ServerFnError> {
    let work = done(async |db, now| {
        let what = match &number {
            Some(number) => Excluded::Number(number.trim().parse::<Msisdn>()?),
            None if unbilled => Excluded::Unbilled,
            None => Excluded::Agreed,
        };
        Ok(desk::exclude(db, &actor(), incident, (&what, &reason), now).await?)
    });
    let page = format!("/staff/incidents/{incident}/charges");
    answer(work.await.map(|_| format!("{page}?ok=excluded")), &page);
    Ok(())
}

/// Works out what would go back.
#[server(prefix = "/staff/api", endpoint = "propose_incident")]
pub async fn staff_propose_incident(incident: i64) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::propose(db, &actor(), incident, now).await?));
    step(incident, work.await, "proposed");
    Ok(())
}

/// Says yes to what somebody else proposed.
#[server(prefix = "/staff/api", endpoint = "approve_incident")]
pub async fn staff_approve_incident(incident: i64, proposal: i32) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::approve(db, &actor(), incident, proposal, now).await?));
    step(incident, work.await, "approved");
    Ok(())
}

/// Starts returning what was approved.
#[server(prefix = "/staff/api", endpoint = "execute_incident")]
pub async fn staff_execute_incident(incident: i64) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::start(db, &actor(), incident, now).await?));
    step(incident, work.await, "executed");
    Ok(())
}

/// Pauses it.
#[server(prefix = "/staff/api", endpoint = "pause_incident")]
pub async fn staff_pause_incident(incident: i64) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::pause(db, &actor(), incident, true, now).await?));
    step(incident, work.await, "paused");
    Ok(())
}

/// Lets it go on.
#[server(prefix = "/staff/api", endpoint = "resume_incident")]
pub async fn staff_resume_incident(incident: i64) -> Result<(), ServerFnError> {
    let work = done(async |db, now| Ok(desk::pause(db, &actor(), incident, false, now).await?));
    step(incident, work.await, "executed");
    Ok(())
}

fn step<T>(incident: i64, done: Result<T, Refusal>, what: &str) {
    let page = format!("/staff/incidents/{incident}");
    answer(done.map(|_| format!("{page}?ok={what}")), &page);
}

/// Gives a detector other figures, or turns it on or off. A figure that it does not take is not looked at.
#[server(prefix = "/staff/api", endpoint = "set_detector")]
pub async fn staff_set_detector(
    detector: String,
    #[server(default)] tolerance_fen: String,
    #[server(default)] orders_min: String,
    #[server(default)] minutes: String,
    #[server(default)] times: String,
    #[server(default)] amount_min_yuan: String,
    #[server(default)] enabled: String,
) -> Result<(), ServerFnError> {
    let typed = |name: &str| match name {
        "tolerance_fen" => &tolerance_fen,
        "orders_min" => &orders_min,
        "minutes" => &minutes,
        "times" => &times,
        "amount_min_yuan" => &amount_min_yuan,
        _ => "",
    };
    let work = done(async |db, now| {
        let detector: Detector = detector.parse()?;
        let figure = |name: &str| typed(name).trim().parse().map_err(|_| Refusal::Figure);
        let figures =
            detector.parameters().iter().map(|parameter| Ok((parameter.name.to_owned(), figure(parameter.name)?)));
        let figures = figures.collect::<Result<Figures, Refusal>>()?;
        Ok(set(db, &actor(), detector, (&figures, enabled == "on"), now).await?)
    });
    answer(work.await.map(|_| "/staff/incidents/detectors?ok=set".to_owned()), "/staff/incidents/detectors");
    Ok(())
}
