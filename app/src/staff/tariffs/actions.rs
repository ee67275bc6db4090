use std::collections::BTreeMap;

use charging::tariff::draft::store::{Beginning, DraftError, Saved, create, decide, discard, save, submit, withdraw};
use charging::tariff::draft::{DraftForm, RowChange, Verdict, check, lead};
use leptos::prelude::*;

use super::findings::live_view;
use super::preview::Around;
use super::words::problem;
use crate::request::{locale, redirect};
use crate::staff::actor;
use crate::staff::local_time::moment;
use crate::state::AppState;

/// Begins a draft: blank, the next version of one of our tariffs, or another tariff with the text of one.
#[server(prefix = "/staff/api", endpoint = "new_draft")]
pub async fn staff_new_draft(how: String, #[server(default)] scheme_id: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let begun = async {
        let named = scheme_id.trim().to_uppercase().parse();
        let beginning = match how.as_str() {
            "blank" => Beginning::Blank,
            "next" => Beginning::NextVersion(named.map_err(|_| DraftError::NotFound)?),
            _ => Beginning::Copy(named.map_err(|_| DraftError::NotFound)?),
        };
        let mut tx = state.pool.begin().await?;
        let draft_id = create(&mut tx, &actor(), beginning, state.clock.now()).await?;
        tx.commit().await?;
        Ok(draft_id)
    };
    redirect(&match begun.await {
        Ok(draft_id) => format!("/staff/tariffs/drafts/{draft_id}"),
        Err(DraftError::NotFound) => "/staff/tariffs/new?problem=scheme_id".to_owned(),
        Err(error) => format!("/staff/tariffs/new?problem={}", problem(&error)),
    });
    Ok(())
}

/// Saves what was typed; a button may ask for a row more or less first, or to look at the findings afterwards.
#[server(prefix = "/staff/api", endpoint = "save_draft")]
pub async fn staff_save_draft(
    draft: i64,
    revision: i32,
    #[server(default)] act: String,
    form: DraftForm,
) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let saved = async {
        let mut form = form;
        let change = RowChange::named(&act);
        if let Some(change) = change {
            form.change_rows(change);
        }
        let mut tx = state.pool.begin().await?;
        let saved = save(&mut tx, &actor(), (draft, revision), form, state.clock.now()).await?;
        tx.commit().await?;
        Ok((saved, change))
    };
    redirect(&match saved.await {
        Ok((Saved::Apart { draft_id }, _)) => format!("/staff/tariffs/drafts/{draft_id}?ok=apart"),
        Ok((_, Some(RowChange::AddAllowance | RowChange::RemoveAllowance(_)))) => {
            format!("/staff/tariffs/drafts/{draft}#allowances")
        }
        Ok((_, Some(RowChange::AddOverage | RowChange::RemoveOverage(_)))) => {
            format!("/staff/tariffs/drafts/{draft}#overage")
        }
        Ok((Saved::Revision(_), None)) => format!("/staff/tariffs/drafts/{draft}?ok=saved"),
        Ok((Saved::Unchanged, None)) => format!("/staff/tariffs/drafts/{draft}?ok=unchanged"),
        Err(error) => refused(draft, &error),
    });
    Ok(())
}

/// What is wrong or unclear in a form as it stands, and how it would be read; nothing is saved. The answer is a piece of the
/// page.
#[server(prefix = "/staff/api", endpoint = "check_draft")]
pub async fn staff_check_draft(
    #[server(default)] draft: i64,
    #[server(default)] revision: i32,
    form: DraftForm,
) -> Result<String, ServerFnError> {
    let _ = (draft, revision);
    let (l, state) = (locale(), AppState::current());
    let checked = check(&form);
    let around = async { Around::load(&mut *state.pool.acquire().await?, &checked.content, state.clock.now()).await };
    match around.await {
        Ok(around) => Ok(live_view(l, checked, around).to_html()),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a form could not be checked");
            Err(ServerFnError::new("the form could not be checked"))
        }
    }
}

/// Submits a draft as it was last saved.
#[server(prefix = "/staff/api", endpoint = "submit_draft")]
pub async fn staff_submit_draft(
    draft: i64,
    revision: i32,
    #[server(default)] go_live: String,
    #[server(default)] reasons: BTreeMap<String, String>,
) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let asked = moment(go_live.trim());
    if asked.is_none() && !go_live.trim().is_empty() {
        redirect(&format!("/staff/tariffs/drafts/{draft}?problem=time#submit"));
        return Ok(());
    }
    let submitted = async {
        let mut tx = state.pool.begin().await?;
        let at = (asked, &reasons);
        let submission_id = submit(&mut tx, &actor(), (draft, revision), at, lead(), state.clock.now()).await?;
        tx.commit().await?;
        Ok::<_, DraftError>(submission_id)
    };
    redirect(&match submitted.await {
        Ok(submission_id) => format!("/staff/tariffs/submissions/{submission_id}?ok=submitted"),
        Err(error) => refused(draft, &error),
    });
    Ok(())
}

/// Approves what somebody else submitted, or returns it with a comment.
#[server(prefix = "/staff/api", endpoint = "decide_tariff")]
pub async fn staff_decide_tariff(
    submission: i64,
    verdict: String,
    #[server(default)] comment: String,
) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let page = format!("/staff/tariffs/submissions/{submission}");
    let Some(verdict) = Verdict::named(&verdict) else {
        redirect(&format!("{page}?problem=verdict"));
        return Ok(());
    };
    let decided = async {
        let mut tx = state.pool.begin().await?;
        decide(&mut tx, &actor(), submission, (verdict, &comment), state.clock.now()).await?;
        tx.commit().await?;
        Ok::<_, DraftError>(())
    };
    redirect(&match decided.await {
        Ok(()) => format!("{page}?ok={}", verdict.as_str()),
        Err(DraftError::NotFound) => "/staff/tariffs?problem=gone".to_owned(),
        Err(error) => format!("{page}?problem={}", problem(&error)),
    });
    Ok(())
}

/// Takes a submission back before it is public.
#[server(prefix = "/staff/api", endpoint = "withdraw_submission")]
pub async fn staff_withdraw_submission(submission: i64) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let withdrawn = async {
        let mut tx = state.pool.begin().await?;
        let draft_id = withdraw(&mut tx, &actor(), submission, state.clock.now()).await?;
        tx.commit().await?;
        Ok::<_, DraftError>(draft_id)
    };
    redirect(&match withdrawn.await {
        Ok(draft_id) => format!("/staff/tariffs/drafts/{draft_id}?ok=withdrawn"),
        Err(DraftError::NotFound) => "/staff/tariffs?problem=gone".to_owned(),
        Err(error) => format!("/staff/tariffs/submissions/{submission}?problem={}", problem(&error)),
    });
    Ok(())
}

/// Throws a draft away.
#[server(prefix = "/staff/api", endpoint = "discard_draft")]
pub async fn staff_discard_draft(draft: i64, #[server(default)] sure: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    if sure != "on" {
        redirect(&format!("/staff/tariffs/drafts/{draft}"));
        return Ok(());
    }
    let discarded = async {
        let mut tx = state.pool.begin().await?;
        discard(&mut tx, &actor(), draft, state.clock.now()).await?;
        tx.commit().await?;
        Ok::<_, DraftError>(())
    };
    redirect(&match discarded.await {
        Ok(()) => "/staff/tariffs?ok=discarded".to_owned(),
        Err(error) => refused(draft, &error),
    });
    Ok(())
}

fn refused(draft: i64, error: &DraftError) -> String {
    match error {
        DraftError::NotFound => "/staff/tariffs?problem=gone".to_owned(),
        error => format!("/staff/tariffs/drafts/{draft}?problem={}", problem(error)),
    }
}
