//! Words for agreements and their steps, on the page and in the slip.

use charging::clock::local_date;
use charging::order::agreement::{About, Agreement, StepKind, StepTaken};
use charging::subscriber::Subscriber;

use crate::components::{day_text, month_text, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::fen;
use crate::me::proof::{by_text, joined, price_text};

/// What the slip is called.
pub fn slip_title(l: Locale, about: &About) -> &'static str {
    match about {
        About::Order { .. } => td_string!(l, agreement.slip_title),
        About::Cap { .. } => td_string!(l, agreement.cap_slip_title),
        About::Family { .. } => td_string!(l, family.slip_title),
    }
}

/// What was agreed to, in a name.
pub fn name(l: Locale, about: &About) -> String {
    match about {
        About::Order { tariff } => tariff.content.name.clone(),
        About::Cap { cap, .. } => td_string!(l, agreement.cap_name, cap = fen(*cap)),
        About::Family { holder, .. } => td_string!(l, family.name, msisdn = holder.as_str()),
    }
}

/// What it is, for whom, when, and by whom.
pub fn facts(l: Locale, agreement: &Agreement, subscriber: &Subscriber) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    match &agreement.about {
        About::Order { tariff } => {
            let content = &tariff.content;
            let version = td_string!(l, agreement.version, version = tariff.version);
            facts.push((td_string!(l, agreement.tariff), content.name.clone()));
            let price = content.terms.as_ref().map(|terms| price_text(l, terms.recurring_price(), terms.one_off));
            facts.extend(price.map(|price| (td_string!(l, agreement.price), price)));
            facts.push((td_string!(l, agreement.scheme), joined(l, content.scheme_id.as_str(), &version)));
        }
        About::Cap { cap, previous } => {
            let change = td_string!(l, agreement.cap_change, cap = fen(*cap), previous = fen(*previous));
            facts.push((td_string!(l, agreement.cap), change));
        }
        About::Family { holder, first_month } => {
            facts.push((td_string!(l, family.holder), holder.clone()));
            facts.push((
                td_string!(l, family.what),
                td_string!(l, family.what_text, month = month_text(l, *first_month)),
            ));
        }
    }
    let by = by_text(l, &agreement.actor, Some(&agreement.channel_id));
    facts.push((td_string!(l, agreement.number), format!("{} {}", subscriber.msisdn, subscriber.name)));
    facts.push((td_string!(l, agreement.when), time_text(l, agreement.at)));
    facts.push((td_string!(l, agreement.by), by));
    facts.extend(agreement.through.as_ref().map(|(channel_id, name)| {
        let name = td_string!(l, channel.through_name, name = name.as_str(), id = channel_id.as_str());
        (td_string!(l, channel.through), name)
    }));
    facts.push((td_string!(l, agreement.order_number), agreement.id.to_string()));
    facts
}

/// What happened.
pub fn step_text(l: Locale, step: &StepTaken) -> String {
    let date = day_text(l, local_date(step.effective_at));
    match step.what {
        StepKind::Asked => td_string!(l, agreement.step_asked).to_owned(),
        StepKind::Agreed => td_string!(l, agreement.step_agreed).to_owned(),
        StepKind::Ordered => td_string!(l, agreement.step_ordered).to_owned(),
        StepKind::CapRaised => td_string!(l, agreement.step_cap_raised).to_owned(),
        StepKind::FamilyJoined => td_string!(l, family.step_joined).to_owned(),
        StepKind::FamilyLeft => td_string!(l, family.step_left).to_owned(),
        StepKind::FamilyEnded => td_string!(l, family.step_ended).to_owned(),
        StepKind::Activated => td_string!(l, agreement.step_activated, date = date),
        StepKind::CancelAsked => td_string!(l, agreement.step_cancel_asked, date = date),
        StepKind::CancelUndone => td_string!(l, agreement.step_cancel_undone).to_owned(),
        StepKind::Replaced => td_string!(l, agreement.step_replaced, date = date),
        StepKind::Ended => td_string!(l, agreement.step_ended).to_owned(),
    }
}
