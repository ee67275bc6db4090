//! How a draft would be read, what it costs in a typical month, and what it changes.

use charging::tariff::store::{Operator, StoreError, operators, plans_beside};
use charging::tariff::{TariffContent, TariffVersion};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use sqlx::PgConnection;

use crate::components::{TariffDifference, TariffPreview, TypicalMonths};
use crate::i18n::{Locale, td_string};

/// Plans whose typical month is drawn beside that of the draft.
const BESIDE: u32 = 4;

/// What a preview is drawn with.
pub struct Around {
    operators: Vec<Operator>,
    beside: Vec<TariffVersion>,
}

impl Around {
    /// # Errors
    /// When the database failed.
    pub async fn load(
        conn: &mut PgConnection,
        content: &TariffContent,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let operators = operators(conn).await?;
        Ok(Self { operators, beside: plans_beside(conn, content, BESIDE, now).await? })
    }
}

/// The tariff as its readers would see it, in both languages, and what a month costs under it.
pub fn preview(l: Locale, content: TariffContent, around: Around) -> AnyView {
    view! {
        <TypicalMonths content=content.clone() beside=around.beside />
        <section class="stack" aria-label=td_string!(l, draft.preview)>
            <TariffPreview content operators=around.operators />
        </section>
    }
    .into_any()
}

/// What `after` says otherwise than `before`.
pub fn difference(before: &TariffContent, after: &TariffContent) -> AnyView {
    view! { <TariffDifference before=before.clone() after=after.clone() /> }.into_any()
}
