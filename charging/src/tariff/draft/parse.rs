//! What a form comes to: a tariff, or what is wrong field by field.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::form::{AllowanceRow, OverageRow, ROWS_MAX, day, lines, names};
use super::{DraftForm, Fault, Problem};
use crate::money::parse_amount;
use crate::quantity::{Service, parse_quantity};
use crate::tariff::limits::{NAME_CHARS_MAX, TEXT_CHARS_MAX};
use crate::tariff::{Included, Kind, SchemeId, TariffContent, Terms, fold, limits};

/// What was read of a form. Where something is wrong, the content is as near as it comes, to look for what is unclear in it.
#[derive(Debug)]
pub(super) struct Read {
    pub content: TariffContent,
    pub problems: Vec<Problem>,
    /// Whether the terms could not be read, so that texts cannot be held against them.
    pub are_terms_unread: bool,
}

/// Reads a form. The operator is the one that runs this portal.
pub(super) fn read(form: &DraftForm) -> Read {
    let mut reader = Reader { problems: Vec::new() };
    let [on_sale_from, on_sale_until] = reader.days(form);
    let scheme_id = form.scheme_id.trim().parse::<SchemeId>();
    if scheme_id.is_err() {
        reader.report("scheme_id", if form.scheme_id.trim().is_empty() { Fault::Missing } else { Fault::SchemeId });
    }
    let kind = form.kind.parse::<Kind>();
    if kind.is_err() {
        reader.report("kind", Fault::Choice);
    }
    let regions = names(&form.regions);
    if regions.is_empty() {
        reader.report("regions", Fault::Missing);
    }
    if form.name.trim().is_empty() {
        reader.report("name", Fault::Missing);
    }
    let name = reader.text("name", &form.name, NAME_CHARS_MAX);
    let before_terms = reader.problems.len();
    let terms = reader.terms(form);
    let are_terms_unread = reader.problems.len() > before_terms;
    let mut text = |field, typed| reader.text(field, typed, TEXT_CHARS_MAX);
    let content = TariffContent {
        scheme_id: scheme_id.unwrap_or_else(|_| placeholder()),
        operator_id: "mingbai".to_owned(),
        name,
        kind: kind.unwrap_or(Kind::Plan),
        audience: text("audience", &form.audience),
        regions,
        channels: lines(&form.channels),
        on_sale_from,
        on_sale_until,
        validity: text("validity", &form.validity),
        commitment: text("commitment", &form.commitment),
        cancel: text("cancel", &form.cancel),
        penalty: text("penalty", &form.penalty),
        restrictions: lines(&form.restrictions),
        notes: text("notes", &form.notes),
        price_text: text("price_text", &form.price_text),
        services_text: text("services_text", &form.services_text),
        overage_text: text("overage_text", &form.overage_text),
        category: text("category", &form.category),
        included: Included::default(),
        terms,
    };
    reader.unsaid(&content);
    if reader.problems.is_empty()
        && let Err(reason) = limits::check(&content)
    {
        reader.report("form", Fault::Other(reason));
    }
    Read { content, problems: reader.problems, are_terms_unread }
}

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn report(&mut self, field: impl Into<String>, fault: Fault) {
        self.problems.push(Problem { field: field.into(), fault });
    }

    fn text(&mut self, field: &str, typed: &str, chars_max: usize) -> String {
        let text = typed.trim();
        if text.chars().nth(chars_max).is_some() {
            self.report(field, Fault::TooLong(chars_max));
        }
        text.to_owned()
    }

    fn days(&mut self, form: &DraftForm) -> [NaiveDate; 2] {
        let typed = [("on_sale_from", &form.on_sale_from), ("on_sale_until", &form.on_sale_until)];
        let days = typed.map(|(field, text)| {
            let read = day(text.trim());
            if read.is_none() {
                self.report(field, if text.trim().is_empty() { Fault::Missing } else { Fault::Day });
            }
            read
        });
        if let [Some(from), Some(until)] = days
            && until < from
        {
            self.report("on_sale_until", Fault::Order);
        }
        days.map(Option::unwrap_or_default)
    }

    /// An amount as tariff files write it; empty where there is none.
    fn amount(&mut self, field: impl Into<String>, typed: &str, decimals_max: u32) -> Option<String> {
        let amount = fold(typed).chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let field = field.into();
        if amount.is_empty() {
            self.report(field, Fault::Missing);
            return None;
        }
        if parse_amount(&amount, decimals_max).is_err() {
            self.report(field, Fault::Amount(decimals_max));
            return None;
        }
        Some(amount)
    }

    /// A quantity as tariff files write it: `20GB`, `400min`, `100`.
    fn quantity(&mut self, field: String, service: Service, typed: &str) -> Option<String> {
        let quantity = fold(typed).chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let quantity = match service {
            Service::Data => quantity.to_uppercase(),
            Service::Voice | Service::Sms => quantity,
        };
        if quantity.is_empty() {
            self.report(field, Fault::Missing);
            return None;
        }
        if parse_quantity(service, &quantity).is_err() {
            self.report(field, Fault::Quantity);
            return None;
        }
        Some(quantity)
    }

    fn service(&mut self, field: String, typed: &str) -> Option<Service> {
        let service = typed.parse().ok();
        if service.is_none() {
            self.report(field, Fault::Choice);
        }
        service
    }

    fn terms(&mut self, form: &DraftForm) -> Option<Terms> {
        if form.has_terms != "on" {
            return None;
        }
        if form.rows_are_too_many() {
            self.report("allowances", Fault::TooLong(ROWS_MAX));
            return None;
        }
        let before = self.problems.len();
        let mut terms = Map::new();
        if !form.monthly.trim().is_empty()
            && let Some(price) = self.amount("monthly", &form.monthly, 2)
        {
            terms.insert("recurring".to_owned(), json!({ "price": price, "first_month": form.first_month }));
        }
        if !form.one_off.trim().is_empty()
            && let Some(one_off) = self.amount("one_off", &form.one_off, 2)
        {
            terms.insert("one_off".to_owned(), one_off.into());
        }
        for (field, choice, known) in [
            ("first_month", &form.first_month, &["full", "daily", "half"][..]),
            ("cancel_effective", &form.cancel_effective, &["immediately", "month_end"]),
        ] {
            if !known.contains(&choice.as_str()) {
                self.report(field, Fault::Choice);
            }
        }
        terms.insert("cancel_effective".to_owned(), form.cancel_effective.clone().into());
        let allowances = form.allowances.iter().enumerate().filter_map(|(i, row)| self.allowance(i, row));
        terms.insert("allowances".to_owned(), allowances.collect());
        let mut priced = BTreeSet::new();
        let overage = form.overage.iter().enumerate().filter_map(|(i, row)| self.overage(i, row, &mut priced));
        terms.insert("overage".to_owned(), overage.collect());
        if let Some(commitment) = self.commitment(form) {
            terms.insert("commitment".to_owned(), commitment);
        }
        if self.problems.len() > before {
            return None;
        }
        match serde_json::from_value(Value::Object(terms)) {
            Ok(terms) => Some(terms),
            Err(error) => {
                self.report("terms", Fault::Other(limits::plain_reason(&error)));
                None
            }
        }
    }

    fn allowance(&mut self, i: usize, row: &AllowanceRow) -> Option<Value> {
        let field = |name: &str| format!("allowances[{i}][{name}]");
        let service = self.service(field("service"), &row.service)?;
        let quantity = self.quantity(field("quantity"), service, &row.quantity);
        let groups = row.rating_groups.split([',', '，', '、', ' ']).filter(|group| !group.is_empty());
        let groups: Option<Vec<u32>> = groups.map(|group| fold(group).parse().ok()).collect();
        if groups.is_none() {
            self.report(field("rating_groups"), Fault::Number);
        }
        let groups = groups.unwrap_or_default();
        let rollover = row.rollover == "on";
        for (name, is_set) in [("rating_groups", !groups.is_empty()), ("rollover", rollover)] {
            if is_set && service != Service::Data {
                self.report(field(name), Fault::DataOnly);
            }
        }
        Some(json!({ "service": service, "quantity": quantity?, "rating_groups": groups, "rollover": rollover }))
    }

    fn overage(&mut self, i: usize, row: &OverageRow, priced: &mut BTreeSet<Service>) -> Option<Value> {
        let field = |name: &str| format!("overage[{i}][{name}]");
        let service = self.service(field("service"), &row.service)?;
        if !priced.insert(service) {
            self.report(field("service"), Fault::Twice);
        }
        let needed: &[&str] = match row.model.as_str() {
            "unit" => &["price", "unit"],
            "block" => &["price", "block"],
            "ladder" => &["price", "unit", "block_price", "block"],
            _ => {
                self.report(field("model"), Fault::Choice);
                return None;
            }
        };
        if row.model != "unit" && service != Service::Data {
            self.report(field("model"), Fault::DataOnly);
        }
        let mut written = Map::new();
        written.insert("service".to_owned(), service.as_str().into());
        written.insert("model".to_owned(), row.model.clone().into());
        let before = self.problems.len();
        for name in needed {
            let value = match *name {
                "price" => self.amount(field(name), &row.price, 6),
                "block_price" => self.amount(field(name), &row.block_price, 6),
                "unit" => self.size(field(name), service, &row.unit),
                _ => self.size(field(name), service, &row.block),
            };
            written.insert((*name).to_owned(), value.into());
        }
        if self.problems.len() > before {
            return None;
        }
        let is_sound =
            serde_json::from_value::<Terms>(json!({ "cancel_effective": "immediately", "overage": [written.clone()] }));
        if row.model == "ladder" && service == Service::Data && is_sound.is_err() {
            self.report(field("block_price"), Fault::Ladder);
        }
        Some(Value::Object(written))
    }

    /// A quantity that is not nothing.
    fn size(&mut self, field: String, service: Service, typed: &str) -> Option<String> {
        let quantity = self.quantity(field.clone(), service, typed)?;
        if parse_quantity(service, &quantity) == Ok(0) {
            self.report(field, Fault::Quantity);
            return None;
        }
        Some(quantity)
    }

    fn commitment(&mut self, form: &DraftForm) -> Option<Value> {
        if form.commitment_months.trim().is_empty() {
            return None;
        }
        let months = fold(form.commitment_months.trim()).parse().ok();
        let months = months.filter(|months: &u32| (3..=60).contains(months));
        if months.is_none() {
            self.report("commitment_months", Fault::Number);
        }
        if !["remaining_months", "used_months", "fixed", "prorated"].contains(&form.penalty_model.as_str()) {
            self.report("penalty_model", Fault::Choice);
        }
        let price = self.amount("penalty_price", &form.penalty_price, 2);
        let mut penalty = Map::new();
        penalty.insert("model".to_owned(), form.penalty_model.clone().into());
        penalty.insert("price".to_owned(), price.into());
        let percent = fold(form.penalty_percent.trim());
        if form.penalty_model == "remaining_months" && !percent.is_empty() {
            match percent.parse::<u32>() {
                Ok(percent @ 1..=100) => {
                    penalty.insert("percent".to_owned(), percent.into());
                }
                _ => self.report("penalty_percent", Fault::Number),
            }
        }
        Some(json!({ "months": months?, "penalty": penalty }))
    }

    /// What binds the subscriber must be said in words too.
    fn unsaid(&mut self, content: &TariffContent) {
        let denied = |text: &str| text.is_empty() || text == "无";
        if content.terms.as_ref().is_none_or(|terms| terms.commitment.is_none()) {
            return;
        }
        for (field, text) in [("commitment", &content.commitment), ("penalty", &content.penalty)] {
            if denied(text) {
                self.report(field, Fault::Unsaid);
            }
        }
    }
}

/// Stands where no scheme id was typed yet; with that nothing is ever submitted.
fn placeholder() -> SchemeId {
    SchemeId("00XX000000".to_owned())
}
