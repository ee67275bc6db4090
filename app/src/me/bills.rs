//! `/me/bills`: the last 24 months, and what changed.

use charging::bill::change::{Change, Part, TOLD, Turn, changes};
use charging::bill::store::{bill, current_month_estimate, history};
use charging::bill::{Bill, BillSummary, Estimate};
use charging::clock::Month;
use charging::money::{plain, round_to_fen};
use leptos::prelude::*;
use leptos_meta::Title;
use rust_decimal::Decimal;

use super::bill::kind_text;
use crate::components::{Bar, BarChart, PageError, Yuan, month_text, page};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// How far back the list and the chart go.
const MONTHS: u32 = 24;

/// `/me/bills`.
#[component]
pub fn BillsPage() -> impl IntoView {
    page(|| async {
        let (state, l) = (AppState::current(), locale());
        let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
        let now = state.clock.now();
        let mut db = state.pool.acquire().await?;
        // One more than is shown, so that the oldest one shown can be compared too.
        let bills = history(&mut db, subscriber_id, MONTHS + 1).await?;
        let estimate = current_month_estimate(&mut db, subscriber_id, now).await?;
        let newest = match bills.first() {
            Some(newest) => bill(&mut db, subscriber_id, newest.month).await?,
            None => None,
        };
        let before = match bills.get(1) {
            Some(before) => bill(&mut db, subscriber_id, before.month).await?,
            None => None,
        };
        let running = bills.first().is_none_or(|newest| newest.month < estimate.month).then_some(&estimate);
        Ok(view! {
            <Title text=td_string!(l, bill.title) />
            <header class="stack-tight">
                <h1>{td_string!(l, bill.title)}</h1>
                <p class="muted">{td_string!(l, bill.lead)}</p>
            </header>
            {newest
                .map(|newest| {
                    view! {
                        <section class="card">
                            <p class="change">{change_text(l, &newest, before.as_ref())}</p>
                            {trend(l, &bills, running)}
                        </section>
                    }
                })}
            {running.map(|estimate| running_card(l, estimate))}
            {if bills.is_empty() { empty(l, estimate.month) } else { months(l, &bills) }}
            <p class="actions">
                <a class="button" href="/me/family">{td_string!(l, family.title)}</a>
                <a class="button" href="/me/disputes">{td_string!(l, dispute.all_link)}</a>
            </p>
        })
    })
}

fn running_card(l: Locale, estimate: &Estimate) -> AnyView {
    let total = round_to_fen(estimate.total);
    view! {
        <section class="card running">
            <div class="row spread">
                <h2>{td_string!(l, bill.running, month = month_text(l, estimate.month))}</h2>
                <p class="strong">{td_string!(l, bill.running_so_far, amount = plain(total))}</p>
            </div>
            <p><a class="button" href=format!("/me/bills/{}", estimate.month)>{td_string!(l, bill.running_link)}</a></p>
        </section>
    }
    .into_any()
}

fn empty(l: Locale, month: Month) -> AnyView {
    view! {
        <section class="card empty">
            <h2>{td_string!(l, bill.empty_title)}</h2>
            <p>{td_string!(l, bill.empty_text, month = month_text(l, month))}</p>
        </section>
    }
    .into_any()
}

/// The trend, the oldest month first; the running month last and lighter.
fn trend(l: Locale, bills: &[BillSummary], running: Option<&Estimate>) -> Option<AnyView> {
    let newest = bills.first()?;
    let bar = |month: Month, amount: Decimal, text: String, soft: bool| Bar {
        label: month.to_string(),
        value: fen(amount),
        text,
        soft,
    };
    let mut bars: Vec<Bar> = bills
        .iter()
        .take(MONTHS as usize)
        .rev()
        .map(|b| bar(b.month, b.total, td_string!(l, bill.yuan, amount = plain(b.total)), false))
        .collect();
    if let Some(estimate) = running {
        let total = round_to_fen(estimate.total);
        bars.push(bar(estimate.month, total, td_string!(l, bill.estimated, amount = plain(total)), true));
    }
    let title = td_string!(l, bill.chart_title, month = month_text(l, newest.month), total = plain(newest.total));
    let label_every = bars.len().div_ceil(4);
    Some(view! { <BarChart title bars table_label=td_string!(l, bill.chart_table) label_every /> }.into_any())
}

/// The height of a bar: whole fen.
fn fen(amount: Decimal) -> u64 {
    amount.checked_mul(Decimal::ONE_HUNDRED).and_then(|fen| u64::try_from(fen.trunc()).ok()).unwrap_or(u64::MAX)
}

fn months(l: Locale, bills: &[BillSummary]) -> AnyView {
    let rows = bills
        .iter()
        .take(MONTHS as usize)
        .enumerate()
        .map(|(i, summary)| {
            view! {
                <tr>
                    <th scope="row">
                        <a class="month" href=format!("/me/bills/{}", summary.month)>{month_text(l, summary.month)}</a>
                        <span class="change small muted">{compared(l, summary, bills.get(i + 1))}</span>
                    </th>
                    <td class="num"><Yuan amount=summary.total /></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <h2 id="months">{td_string!(l, bill.months_heading)}</h2>
            <table class="table months" aria-labelledby="months">
                <thead class="sr">
                    <tr>
                        <th scope="col">{td_string!(l, bill.month)}</th>
                        <th scope="col">{td_string!(l, bill.amount)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            <p class="actions">
                <a class="button" href="/me/bills/months.pdf">{td_string!(l, paper.months_pdf)}</a>
                <a class="button" href="/me/bills/months.csv">{td_string!(l, paper.months_csv)}</a>
                <a class="button" href="/me/bills/lines.csv">{td_string!(l, paper.lines_csv)}</a>
            </p>
        </section>
    }
    .into_any()
}

fn compared(l: Locale, this: &BillSummary, before: Option<&BillSummary>) -> String {
    let Some(before) = before else { return td_string!(l, bill.first_bill).to_owned() };
    let month = month_text(l, before.month);
    match this.total - before.total {
        none if none.is_zero() => td_string!(l, bill.same_as, month = month),
        more if more.is_sign_positive() => td_string!(l, bill.more_than, month = month, amount = plain(more)),
        less => td_string!(l, bill.less_than, month = month, amount = plain(-less)),
    }
}

/// What changed from one bill to the next, in a sentence or two.
pub(super) fn change_text(l: Locale, newest: &Bill, before: Option<&Bill>) -> String {
    let (month, total) = (month_text(l, newest.month), plain(newest.total));
    let Some(before) = before else { return td_string!(l, bill.newest_first, month = month, total = total) };
    let previous = month_text(l, before.month);
    let sentence = match newest.total - before.total {
        none if none.is_zero() => td_string!(l, bill.newest_same, month = month, total = total, previous = previous),
        more if more.is_sign_positive() => {
            td_string!(l, bill.newest_more, month = month, total = total, previous = previous, amount = plain(more))
        }
        less => {
            td_string!(l, bill.newest_less, month = month, total = total, previous = previous, amount = plain(-less))
        }
    };
    let parts: Vec<String> = changes(newest.lines.iter().map(Part::from), before.lines.iter().map(Part::from))
        .iter()
        .take(TOLD)
        .map(|change| part_text(l, change))
        .collect();
    if parts.is_empty() {
        return sentence;
    }
    let because = td_string!(l, bill.because, parts = parts.join(td_string!(l, bill.part_join)));
    match l {
        Locale::zh_CN => sentence + &because,
        Locale::en => format!("{sentence} {because}"),
    }
}

/// One change in words: fees by their tariff, usage by its kind.
fn part_text(l: Locale, change: &Change) -> String {
    let (kind, amount) = (kind_text(l, change.kind, None), plain(change.by));
    let Some((name, _)) = &change.tariff else {
        return match change.turn {
            Turn::New | Turn::More => td_string!(l, bill.part_more, kind = kind, amount = amount),
            Turn::Gone | Turn::Less => td_string!(l, bill.part_less, kind = kind, amount = amount),
        };
    };
    let of = td_string!(l, bill.kind_of, kind = kind, tariff = name.as_str());
    match change.turn {
        Turn::New => td_string!(l, bill.part_new, kind = of, amount = amount),
        Turn::Gone => td_string!(l, bill.part_gone, kind = of, amount = amount),
        Turn::More => td_string!(l, bill.part_more, kind = of, amount = amount),
        Turn::Less => td_string!(l, bill.part_less, kind = of, amount = amount),
    }
}

#[cfg(test)]
mod tests {
    use charging::bill::{BillLine, LineKind};

    use super::*;

    fn bill_of(month: &str, lines: &[(LineKind, &str)]) -> Bill {
        let month: Month = month.parse().unwrap();
        let lines: Vec<BillLine> = (1..)
            .zip(lines)
            .map(|(line_no, (kind, amount))| BillLine {
                line_no,
                kind: *kind,
                scheme_id: "26MB900001".parse().unwrap(),
                version: 1,
                tariff_name: "畅享 99".to_owned(),
                charge_month: month,
                quantity: 1,
                exact: amount.parse().unwrap(),
                amount: amount.parse().unwrap(),
            })
            .collect();
        Bill { month, total: lines.iter().map(|line| line.amount).sum(), closed_at: month.end(), lines }
    }

    #[test]
    fn a_change_is_told_by_kind_the_largest_first() {
        let september = bill_of("2026-09", &[(LineKind::Recurring, "99.00"), (LineKind::SmsOverage, "0.50")]);
        let october = bill_of("2026-10", &[(LineKind::Recurring, "99.00"), (LineKind::DataOverage, "12.80")]);
        assert_eq!(
            change_text(Locale::zh_CN, &october, Some(&september)),
            "2026年10月的账单是 111.80 元，比 2026年9月多 12.30 元。变化来自：套餐外流量多 12.80 元，套餐外短信少 0.50 元。"
        );
        assert_eq!(
            change_text(Locale::en, &september, Some(&september)),
            "The bill of Sep 2026 is 99.50 yuan, the same as Sep 2026."
        );
        assert_eq!(change_text(Locale::zh_CN, &october, None), "2026年10月是您的第一张账单，111.80 元。");
    }
}
