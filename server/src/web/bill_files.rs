//! Bills to take home: `/me/bills/{month}/bill.pdf` and `.csv`, 24 months, and the itemised list of a month, all free of charge.

use app::request::SUBSCRIBER_KEY;
use app::slip::{bill_paper, family_paper, months_paper, records_paper};
use app::state::AppState;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use charging::bill::itemised::{After, PAGE_MAX, months, records};
use charging::bill::store::{BillError, bill};
use charging::bill::{ItemisedRecord, files};
use charging::clock::Month;
use charging::csv;
use charging::dispute::store::of_bill;
use charging::family;
use charging::subscriber::{Msisdn, Subscriber, store};
use futures::stream;
use sqlx::PgPool;
use tower_sessions::Session;

/// Months in a file of many.
const MONTHS: u32 = 24;
/// Records on a PDF; who has more takes the CSV, which has no end.
const PAPER_RECORDS_MAX: usize = 20_000;

const PDF: &str = "application/pdf";
const CSV: &str = "text/csv; charset=utf-8; header=present";

/// Files of whoever is signed in: they need a session.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/me/bills/{month}/bill.pdf", get(bill_pdf))
        .route("/me/bills/{month}/bill.csv", get(bill_csv))
        .route("/me/bills/months.pdf", get(months_pdf))
        .route("/me/bills/months.csv", get(months_csv))
        .route("/me/bills/lines.csv", get(lines_csv))
        .route("/me/family/{month}/bill.pdf", get(family_pdf))
        .route("/me/family/{month}/bill.csv", get(family_csv))
        .route("/me/usage/{month}/records.pdf", get(records_pdf))
        .route("/me/usage/{month}/records.csv", get(records_csv))
}

/// A file that is being made.
type Made = anyhow::Result<Option<Response>>;

async fn bill_pdf(state: State<AppState>, month: Path<String>, session: Session, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    answer(&state, &session, async |subscriber| {
        let Some(month) = month.parse::<Month>().ok() else { return Ok(None) };
        let mut db = state.pool.acquire().await?;
        let Some(bill) = bill(&mut db, subscriber.subscriber_id, month).await? else { return Ok(None) };
        let disputes = of_bill(&mut db, subscriber.subscriber_id, month).await?;
        drop(db);
        let write = move || bill_paper(&parts, &bill, &disputes, &subscriber);
        let pdf = tokio::task::spawn_blocking(write).await??;
        Ok(Some(file(pdf.into(), PDF, &format!("bill-{month}.pdf"))))
    })
    .await
}

async fn bill_csv(state: State<AppState>, month: Path<String>, session: Session) -> Response {
    answer(&state, &session, async |subscriber| {
        let Some(month) = month.parse::<Month>().ok() else { return Ok(None) };
        let bill = bill(&mut *state.pool.acquire().await?, subscriber.subscriber_id, month).await?;
        let written = bill.map(|bill| files::bill_file(&subscriber.msisdn, &bill));
        Ok(written.map(|text| file(text.into(), CSV, &format!("bill-{month}.csv"))))
    })
    .await
}

async fn months_pdf(state: State<AppState>, session: Session, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    answer(&state, &session, async |subscriber| {
        let bills = months(&mut *state.pool.acquire().await?, subscriber.subscriber_id, MONTHS).await?;
        let pdf = tokio::task::spawn_blocking(move || months_paper(&parts, &bills, &subscriber)).await??;
        Ok(Some(file(pdf.into(), PDF, "bills.pdf")))
    })
    .await
}

async fn months_csv(state: State<AppState>, session: Session) -> Response {
    answer(&state, &session, async |subscriber| {
        let bills = months(&mut *state.pool.acquire().await?, subscriber.subscriber_id, MONTHS).await?;
        Ok(Some(file(files::months_file(&subscriber.msisdn, &bills).into(), CSV, "bills.csv")))
    })
    .await
}

/// Every line of 24 months, the newest month first.
async fn lines_csv(state: State<AppState>, session: Session) -> Response {
    answer(&state, &session, async |subscriber| {
        let mut db = state.pool.acquire().await?;
        let mut text = csv::head(&files::BILL_COLUMNS);
        for (summary, _) in months(&mut db, subscriber.subscriber_id, MONTHS).await? {
            let bill = bill(&mut db, subscriber.subscriber_id, summary.month).await?;
            text.extend(bill.map(|bill| files::bill_lines(&subscriber.msisdn, &bill)));
        }
        Ok(Some(file(text.into(), CSV, "bill-lines.csv")))
    })
    .await
}

async fn family_pdf(state: State<AppState>, month: Path<String>, session: Session, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    answer(&state, &session, async |subscriber| {
        let Some(month) = month.parse::<Month>().ok() else { return Ok(None) };
        let bill = family::view::bill(&mut *state.pool.acquire().await?, subscriber.subscriber_id, month).await?;
        let Some(bill) = bill else { return Ok(None) };
        let pdf = tokio::task::spawn_blocking(move || family_paper(&parts, &bill, &subscriber)).await??;
        Ok(Some(file(pdf.into(), PDF, &format!("family-{month}.pdf"))))
    })
    .await
}

async fn family_csv(state: State<AppState>, month: Path<String>, session: Session) -> Response {
    answer(&state, &session, async |subscriber| {
        let Some(month) = month.parse::<Month>().ok() else { return Ok(None) };
        let bill = family::view::bill(&mut *state.pool.acquire().await?, subscriber.subscriber_id, month).await?;
        Ok(bill.map(|bill| file(files::family_file(&bill).into(), CSV, &format!("family-{month}.csv"))))
    })
    .await
}

async fn records_pdf(state: State<AppState>, month: Path<String>, session: Session, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    answer(&state, &session, async |subscriber| {
        let Some(month) = month.parse::<Month>().ok() else { return Ok(None) };
        let (listed, more) = listed(&state.pool, subscriber.subscriber_id, month).await?;
        let write = move || records_paper(&parts, month, &listed, more, &subscriber);
        let pdf = tokio::task::spawn_blocking(write).await??;
        Ok(Some(file(pdf.into(), PDF, &format!("records-{month}.pdf"))))
    })
    .await
}

async fn records_csv(state: State<AppState>, month: Path<String>, session: Session) -> Response {
    answer(&state, &session, async |subscriber| {
        let Some(month) = month.parse::<Month>().ok() else { return Ok(None) };
        let lines = lines(state.pool.clone(), subscriber.subscriber_id, subscriber.msisdn, month);
        Ok(Some(file(Body::from_stream(lines), CSV, &format!("records-{month}.csv"))))
    })
    .await
}

/// The records of a month as lines, read as they are sent.
fn lines(
    pool: PgPool,
    subscriber_id: i64,
    msisdn: Msisdn,
    month: Month,
) -> impl futures::Stream<Item = Result<Bytes, BillError>> {
    let head = stream::iter([Ok(Bytes::from(files::records_head()))]);
    let rest = stream::try_unfold((pool, msisdn, None::<After>), move |(pool, msisdn, after)| async move {
        let page = records(&mut *pool.acquire().await?, subscriber_id, month, after.as_ref(), PAGE_MAX).await?;
        let Some(last) = page.last() else { return Ok::<_, BillError>(None) };
        let after = Some((last.started_at, last.id.clone()));
        let text: String = page.iter().map(|record| files::record_line(&msisdn, record)).collect();
        Ok(Some((Bytes::from(text), (pool, msisdn, after))))
    });
    futures::StreamExt::chain(head, rest)
}

/// As many records as a PDF has, and how many there are besides.
async fn listed(pool: &PgPool, subscriber_id: i64, month: Month) -> Result<(Vec<ItemisedRecord>, u64), BillError> {
    let mut db = pool.acquire().await?;
    let (mut listed, mut more, mut after) = (Vec::new(), 0, None::<After>);
    loop {
        let page = records(&mut db, subscriber_id, month, after.as_ref(), PAGE_MAX).await?;
        let Some(last) = page.last() else { return Ok((listed, more)) };
        after = Some((last.started_at, last.id.clone()));
        let room = PAPER_RECORDS_MAX - listed.len();
        more += page.len().saturating_sub(room) as u64;
        listed.extend(page.into_iter().take(room));
    }
}

/// A file of the signed-in subscriber; 404 where there is none.
async fn answer(state: &AppState, session: &Session, make: impl AsyncFnOnce(Subscriber) -> Made) -> Response {
    let Some(subscriber_id) = session.get::<i64>(SUBSCRIBER_KEY).await.ok().flatten() else {
        return Redirect::to("/login?next=/me/bills").into_response();
    };
    let made = async {
        let subscriber = store::find(&mut *state.pool.acquire().await?, subscriber_id).await?;
        match subscriber {
            Some(subscriber) => make(subscriber).await,
            None => Ok(None),
        }
    };
    match made.await {
        Ok(Some(response)) => response,
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "a file of bills could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn file(body: Body, content_type: &'static str, name: &str) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"mingbai-{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}
