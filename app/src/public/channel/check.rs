use charging::channel::ChannelId;
use charging::channel::content::{Verdict, to_compare, verdict};
use charging::channel::marketing::BODY_CHARS_MAX;
use charging::channel::store::{ChannelError, find};
use charging::tariff::difference::Piece;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::components::{PageError, TextArea, page};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner};
use crate::request::{client_ip, extension, locale};
use crate::state::AppState;

/// Characters of a copy that is looked at: an altered one may be longer than what may be approved.
const COPY_CHARS_MAX: usize = 2 * BODY_CHARS_MAX;

/// Put on a request by the server where a copy was sent with it.
#[derive(Clone, Debug)]
pub struct Pasted(pub String);

/// `/channels/{id}/check`
#[component]
pub fn CheckPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let id = use_params_map().get_untracked().get("id").and_then(|id| id.parse::<ChannelId>().ok());
        let (pasted, from) = (extension::<Pasted>().map(|Pasted(text)| text), client_ip());
        async move {
            let id = id.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let channel = find(&mut db, &id).await?.filter(|channel| channel.approved().is_some());
            let channel = channel.ok_or(PageError::NotFound)?;
            let name = channel.approved().map(|version| version.terms.name.clone()).unwrap_or_default();
            let said = match &pasted {
                Some(text) if text.trim().is_empty() => Some(banner(Tone::Bad, td_string!(l, channel.check_empty))),
                Some(text) if text.chars().count() > COPY_CHARS_MAX => {
                    Some(banner(Tone::Bad, td_string!(l, channel.check_too_long, n = COPY_CHARS_MAX)))
                }
                Some(text) => match to_compare(&mut db, &id, from, state.clock.now()).await {
                    Ok(contents) => {
                        drop(db);
                        let copy = text.clone();
                        // Comparing long texts takes time, in which nothing else may wait.
                        let found = tokio::task::spawn_blocking(move || verdict(&contents, &copy)).await?;
                        Some(said(l, &id, found))
                    }
                    Err(ChannelError::TooMany { .. }) => Some(banner(Tone::Bad, td_string!(l, channel.check_wait))),
                    Err(error) => return Err(error.into()),
                },
                None => None,
            };
            Ok(view! {
                <Title text=td_string!(l, channel.check) />
                <div class="stack">
                    <p><a href=format!("/channels/{id}")>{format!("{name} {id}")}</a></p>
                    <div class="stack-tight">
                        <h1>{td_string!(l, channel.check)}</h1>
                        <p class="lead">{td_string!(l, channel.check_lead)}</p>
                    </div>
                    {said}
                    <form class="card" method="post" action=format!("/channels/{id}/check")>
                        <TextArea
                            id="copy"
                            name="copy"
                            label=td_string!(l, channel.check_copy)
                            text=pasted.unwrap_or_default()
                            rows=8
                            chars_max=COPY_CHARS_MAX
                            required=true
                        />
                        <button class="button primary wide-button">{td_string!(l, channel.check_submit)}</button>
                    </form>
                </div>
            })
        }
    })
}

fn said(l: Locale, id: &ChannelId, found: Verdict) -> AnyView {
    let file = |number: i32| {
        view! { <p><a href=format!("/channels/{id}/content/{number}") rel="external">{td_string!(l, channel.content_file)}</a></p> }
    };
    match found {
        Verdict::Unaltered(number) => {
            let words = td_string!(l, channel.check_unaltered, n = number);
            banner(Tone::Good, view! { <p>{words}</p> {file(number)} })
        }
        Verdict::Withdrawn(number) => banner(Tone::Bad, td_string!(l, channel.check_withdrawn, n = number)),
        Verdict::Altered { number, approved, copy } => {
            let words = td_string!(l, channel.check_altered, n = number);
            view! {
                {banner(Tone::Bad, view! { <p>{words}</p> {file(number)} })}
                <section class="card">
                    <h2>{td_string!(l, channel.check_copied)}</h2>
                    <p class="compared">{copy.into_iter().map(|piece| marked(piece, Side::Copy)).collect_view()}</p>
                    <h2>{td_string!(l, channel.check_approved)}</h2>
                    <p class="compared">{approved.into_iter().map(|piece| marked(piece, Side::Approved)).collect_view()}</p>
                </section>
            }
            .into_any()
        }
        Verdict::Unknown => banner(Tone::Bad, td_string!(l, channel.check_unknown)),
    }
}

#[derive(Clone, Copy)]
enum Side {
    Approved,
    Copy,
}

fn marked(piece: Piece, side: Side) -> AnyView {
    match (piece.changed, side) {
        (false, _) => view! { <span>{piece.text}</span> }.into_any(),
        (true, Side::Approved) => view! { <ins>{piece.text}</ins> }.into_any(),
        (true, Side::Copy) => view! { <del>{piece.text}</del> }.into_any(),
    }
}
