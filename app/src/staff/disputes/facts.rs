//! What was found out about a disputed line, a row a charge.

use charging::bill::LineKind;
use charging::dispute::verdict::{ChargeFacts, Facts, Proof};
use charging::dispute::{Finding, Suggestion};
use charging::ledger::ChargeKind;
use charging::money::plain;
use leptos::prelude::*;
use rust_decimal::Decimal;

use crate::components::time_text;
use crate::i18n::{Locale, td_string};
use crate::me::bill::kind_text;
use crate::me::disputes::words::finding_text;

/// The evidence, and the answer that it suggests.
pub fn evidence(l: Locale, facts: &Facts, suggestion: &Suggestion) -> AnyView {
    let found = suggestion.findings.iter().map(|finding| view! { <li>{finding_text(l, *finding)}</li> }).collect_view();
    let advice = if suggestion.findings.contains(&Finding::Unknown) {
        td_string!(l, dispute.suggest_look_long).to_owned()
    } else if suggestion.refund.is_zero() {
        td_string!(l, dispute.suggest_explain_long).to_owned()
    } else {
        td_string!(l, dispute.suggest_refund_long, amount = plain(suggestion.refund))
    };
    let rows = facts.charges.iter().map(|charge| row(l, charge)).collect_view();
    let table = (!facts.charges.is_empty()).then(|| {
        view! {
            <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, dispute.evidence)>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{td_string!(l, dispute.line)}</th>
                            <th scope="col" class="num">{td_string!(l, dispute.amount)}</th>
                            <th scope="col" class="num">{td_string!(l, dispute.price_agreed)}</th>
                            <th scope="col">{td_string!(l, dispute.proof)}</th>
                            <th scope="col">{td_string!(l, dispute.on_sale)}</th>
                            <th scope="col" class="num">{td_string!(l, dispute.after_end)}</th>
                            <th scope="col" class="num">{td_string!(l, dispute.twice)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
    });
    view! {
        <section class="card" data-evidence="">
            <h2>{td_string!(l, dispute.evidence)}</h2>
            <ul class="plain-list">{found}</ul>
            <p class="strong">{advice}</p>
            {table}
        </section>
    }
    .into_any()
}

fn row(l: Locale, charge: &ChargeFacts) -> impl IntoView + use<> {
    let proof = match &charge.proof {
        Proof::Missing => td_string!(l, dispute.proof_missing).to_owned(),
        Proof::Broken(why) => td_string!(l, dispute.proof_broken, why = why.as_str()),
        Proof::Holds { agreed_at } => td_string!(l, dispute.proof_holds, time = time_text(l, *agreed_at)),
    };
    let kind = match charge.kind {
        ChargeKind::Penalty => td_string!(l, dispute.penalty).to_owned(),
        kind => kind_text(l, LineKind::of(kind), None),
    };
    let on_sale = if charge.was_on_sale { td_string!(l, dispute.yes) } else { td_string!(l, dispute.no) };
    let some = |amount: Decimal| if amount.is_zero() { "–".to_owned() } else { plain(amount) };
    view! {
        <tr>
            <td>{kind}</td>
            <td class="num">{plain(charge.amount)}</td>
            <td class="num">{charge.price.map_or_else(|| "–".to_owned(), plain)}</td>
            <td>{proof}</td>
            <td>{on_sale}</td>
            <td class="num">{some(charge.after_end)}</td>
            <td class="num">{some(charge.charged_twice)}</td>
        </tr>
    }
}
