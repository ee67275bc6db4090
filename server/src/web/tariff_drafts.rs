//! Drafts as files: one is saved at `/staff/tariffs/drafts/{draft}/tariff.json`, and a file of tariffs becomes drafts at
//! `/staff/tariffs/import`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;

use app::state::AppState;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Extension, Multipart, Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use charging::staff::{Actor, Member};
use charging::tariff::draft::check;
use charging::tariff::draft::store::{Beginning, create, find};
use charging::tariff::file::read_tariffs;
use charging::tariff::{TariffContent, own_format};

/// Tariffs that are taken from one file.
const TARIFFS_MAX: usize = 100;

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/staff/tariffs/drafts/{draft}/tariff.json", get(export))
        .route("/staff/tariffs/import", post(import))
}

/// What the form comes to, as a file that the import reads back; nothing while fields cannot be read.
async fn export(State(state): State<AppState>, Path(draft): Path<String>) -> Response {
    let written = async {
        let Ok(draft_id) = draft.parse() else { return anyhow::Ok(None) };
        let Some(draft) = find(&mut *state.pool.acquire().await?, draft_id).await? else { return Ok(None) };
        let checked = check(&draft.form);
        let is_sound = checked.problems.is_empty();
        Ok(is_sound.then(|| {
            let tariff = own_format::write_content(&checked.content);
            format!("{{\"format\":\"{}\",\"tariffs\":[\n{tariff}\n]}}\n", own_format::FORMAT)
        }))
    };
    match written.await {
        Ok(Some(file)) => {
            let mut response = file.into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"tariff.json\""));
            response
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), draft, "a draft could not be written to a file");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Every tariff of a file becomes a draft, or none.
async fn import(
    State(state): State<AppState>,
    Extension(member): Extension<Member>,
    address: Option<Extension<ConnectInfo<SocketAddr>>>,
    form: Multipart,
) -> Redirect {
    let address = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(ConnectInfo(address))| address.ip());
    let actor = Actor::Member { member, address };
    let Some(tariffs) = file_of(form).await.and_then(|file| tariffs_of(&file)) else {
        return Redirect::to("/staff/tariffs/new?problem=file");
    };
    let begun = async {
        let now = state.clock.now();
        let mut tx = state.pool.begin().await?;
        for content in tariffs {
            create(&mut tx, &actor, Beginning::Content(Box::new(content)), now).await?;
        }
        tx.commit().await?;
        anyhow::Ok(())
    };
    match begun.await {
        Ok(()) => Redirect::to("/staff/tariffs?ok=imported"),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "a file of tariffs did not become drafts");
            Redirect::to("/staff/tariffs/new?problem=failed")
        }
    }
}

/// The file of the form; a body that is too long is none.
async fn file_of(mut form: Multipart) -> Option<Bytes> {
    while let Some(field) = form.next_field().await.ok()? {
        if field.name() == Some("file") {
            return field.bytes().await.ok();
        }
    }
    None
}

/// All of them, if each can be read.
fn tariffs_of(file: &[u8]) -> Option<Vec<TariffContent>> {
    let mut tariffs = Vec::new();
    let mut is_sound = true;
    let read = read_tariffs(file, &mut |element| match element.parsed {
        Ok(publication) if tariffs.len() < TARIFFS_MAX => {
            tariffs.push(publication.content);
            ControlFlow::Continue(())
        }
        _ => {
            is_sound = false;
            ControlFlow::Break(())
        }
    });
    (is_sound && read.is_ok() && !tariffs.is_empty()).then_some(tariffs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_whole_or_not_at_all() {
        let tariff = r#"{"scheme_id":"26MB900001","name":"畅享","kind":"plan","audience":"","regions":["全国"],"channels":[],
            "on_sale_from":"2026-01-01","on_sale_until":"2027-12-31","validity":"","commitment":"","cancel":"","penalty":"",
            "restrictions":[],"notes":""}"#;
        let file = |tariffs: &str| format!(r#"{{"format":"mingbai-tariffs/1","tariffs":[{tariffs}]}}"#);
        let read = |file: &str| tariffs_of(file.as_bytes()).map(|tariffs| tariffs.len());
        assert_eq!(read(&file(&format!("{tariff},{tariff}"))), Some(2));
        let many = vec![tariff; TARIFFS_MAX + 1].join(",");
        for broken in [file(&format!("{tariff},{{}}")), file(""), "{}".to_owned(), String::new(), file(&many)] {
            assert_eq!(read(&broken), None);
        }
    }
}
