//! The form of a draft: every element and the terms, as they were typed; and what they come to.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::money::plain;
use crate::quantity::format_quantity;
use crate::tariff::{Formula, OverageModel, TariffContent, TariffVersion, Terms};

/// Most rows of allowances, and of prices beyond them.
pub(super) const ROWS_MAX: usize = 100;

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Missing,
    SchemeId,
    Choice,
    Day,
    /// The last day lies before the first.
    Order,
    /// Yuan, with at most so many decimals.
    Amount(u32),
    Quantity,
    Number,
    /// More characters, or more rows, than so many.
    TooLong(usize),
    /// Only data has this.
    DataOnly,
    /// The service has a price beyond its allowance already.
    Twice,
    /// A ladder whose block is not larger than its unit, or not dearer.
    Ladder,
    /// The terms bind the subscriber, and the text does not say so.
    Unsaid,
    /// What the reader of tariff files says.
    Other(String),
}

/// A field, by its name in the form, and its fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub field: String,
    pub fault: Fault,
}

/// 套内 A row of what is included each month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AllowanceRow {
    pub service: String,
    /// As in tariff files: `20GB`, `400min`, `100`.
    pub quantity: String,
    /// 定向: numbers with commas between them.
    pub rating_groups: String,
    /// `on`: what is unused rolls over.
    pub rollover: String,
}

/// 超出 A row of what is beyond.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OverageRow {
    pub service: String,
    pub model: String,
    pub price: String,
    pub unit: String,
    pub block_price: String,
    pub block: String,
}

/// The form. Lists are one text: an item a line; regions may have `、` between them instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DraftForm {
    pub scheme_id: String,
    pub name: String,
    pub kind: String,
    pub audience: String,
    pub regions: String,
    pub channels: String,
    pub on_sale_from: String,
    pub on_sale_until: String,
    pub validity: String,
    pub commitment: String,
    pub cancel: String,
    pub penalty: String,
    /// One a line.
    pub restrictions: String,
    pub notes: String,
    pub price_text: String,
    pub services_text: String,
    pub overage_text: String,
    pub category: String,
    /// `on`: there are machine-readable terms, so that it can be ordered here.
    pub has_terms: String,
    /// Yuan a month; empty: nothing recurs.
    pub monthly: String,
    pub first_month: String,
    pub one_off: String,
    pub cancel_effective: String,
    pub allowances: Vec<AllowanceRow>,
    pub overage: Vec<OverageRow>,
    /// Months of the commitment; empty: none.
    pub commitment_months: String,
    pub penalty_model: String,
    pub penalty_price: String,
    pub penalty_percent: String,
}

/// A row more or less, as the buttons of the form ask for it: `add_allowance`, `remove_overage:2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowChange {
    AddAllowance,
    RemoveAllowance(usize),
    AddOverage,
    RemoveOverage(usize),
}

impl RowChange {
    pub fn named(name: &str) -> Option<Self> {
        match name.split_once(':') {
            None => match name {
                "add_allowance" => Some(Self::AddAllowance),
                "add_overage" => Some(Self::AddOverage),
                _ => None,
            },
            Some(("remove_allowance", row)) => row.parse().ok().map(Self::RemoveAllowance),
            Some(("remove_overage", row)) => row.parse().ok().map(Self::RemoveOverage),
            Some(_) => None,
        }
    }
}

impl DraftForm {
    /// A blank one, with what most tariffs have.
    pub fn blank() -> Self {
        Self {
            kind: "plan".to_owned(),
            regions: "全国".to_owned(),
            has_terms: "on".to_owned(),
            first_month: "daily".to_owned(),
            cancel_effective: "month_end".to_owned(),
            allowances: vec![AllowanceRow { service: "data".to_owned(), ..AllowanceRow::default() }],
            overage: vec![OverageRow { service: "data".to_owned(), model: "unit".to_owned(), ..OverageRow::default() }],
            ..Self::default()
        }
    }

    /// The form that would make a published version again.
    pub fn of(tariff: &TariffVersion) -> Self {
        Self::of_content(&tariff.content)
    }

    /// The form that makes this content. What an operator's table lists beside its texts is left out: the terms say it.
    pub fn of_content(content: &TariffContent) -> Self {
        let mut form = Self {
            scheme_id: content.scheme_id.to_string(),
            name: content.name.clone(),
            kind: content.kind.as_str().to_owned(),
            audience: content.audience.clone(),
            regions: content.regions.join("、"),
            channels: content.channels.join("\n"),
            on_sale_from: content.on_sale_from.to_string(),
            on_sale_until: content.on_sale_until.to_string(),
            validity: content.validity.clone(),
            commitment: content.commitment.clone(),
            cancel: content.cancel.clone(),
            penalty: content.penalty.clone(),
            restrictions: content.restrictions.join("\n"),
            notes: content.notes.clone(),
            price_text: content.price_text.clone(),
            services_text: content.services_text.clone(),
            overage_text: content.overage_text.clone(),
            category: content.category.clone(),
            first_month: "daily".to_owned(),
            cancel_effective: "month_end".to_owned(),
            ..Self::default()
        };
        if let Some(terms) = &content.terms {
            form.set_terms(terms);
        }
        form
    }

    fn set_terms(&mut self, terms: &Terms) {
        "on".clone_into(&mut self.has_terms);
        self.monthly = terms.recurring.as_ref().map_or_else(String::new, |recurring| plain(recurring.price));
        self.first_month = name_of(&terms.first_month());
        self.one_off = plain(terms.one_off);
        self.cancel_effective = name_of(&terms.cancel_effective);
        let allowances = terms.allowances.iter().map(|allowance| AllowanceRow {
            service: allowance.service.to_string(),
            quantity: format_quantity(allowance.service, allowance.quantity),
            rating_groups: allowance.rating_groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            rollover: if allowance.rollover { "on".to_owned() } else { String::new() },
        });
        self.allowances = allowances.collect();
        let overage = terms.overage.iter().map(|overage| {
            let size = |units| format_quantity(overage.service, units);
            let row = OverageRow { service: overage.service.to_string(), ..OverageRow::default() };
            match &overage.model {
                OverageModel::Unit { price, unit } => {
                    OverageRow { model: "unit".to_owned(), price: plain(*price), unit: size(*unit), ..row }
                }
                OverageModel::Block { price, block } => {
                    OverageRow { model: "block".to_owned(), price: plain(*price), block: size(*block), ..row }
                }
                OverageModel::Ladder { price, unit, block_price, block } => OverageRow {
                    model: "ladder".to_owned(),
                    price: plain(*price),
                    unit: size(*unit),
                    block_price: plain(*block_price),
                    block: size(*block),
                    ..row
                },
            }
        });
        self.overage = overage.collect();
        let Some(commitment) = terms.commitment else { return };
        self.commitment_months = commitment.months.to_string();
        let (model, price, percent) = match commitment.formula {
            Formula::RemainingMonths { price, percent } => ("remaining_months", price, percent.to_string()),
            Formula::UsedMonths { price } => ("used_months", price, String::new()),
            Formula::Fixed { price } => ("fixed", price, String::new()),
            Formula::Prorated { price } => ("prorated", price, String::new()),
        };
        model.clone_into(&mut self.penalty_model);
        self.penalty_price = plain(price);
        self.penalty_percent = percent;
    }

    /// The same with the line ends that texts have here: browsers send others.
    #[must_use]
    pub fn tidied(self) -> Self {
        fn tidy(value: &mut Value) {
            match value {
                Value::String(text) => *text = text.replace("\r\n", "\n"),
                Value::Array(values) => values.iter_mut().for_each(tidy),
                Value::Object(fields) => fields.values_mut().for_each(tidy),
                _ => {}
            }
        }
        let Ok(mut value) = serde_json::to_value(&self) else { return self };
        tidy(&mut value);
        serde_json::from_value(value).unwrap_or(self)
    }

    /// A row more or less; one that is not there, or one too many, changes nothing.
    pub fn change_rows(&mut self, change: RowChange) {
        match change {
            RowChange::AddAllowance if self.allowances.len() < ROWS_MAX => {
                self.allowances.push(AllowanceRow { service: "data".to_owned(), ..AllowanceRow::default() });
            }
            RowChange::AddOverage if self.overage.len() < ROWS_MAX => {
                let row = OverageRow { service: "data".to_owned(), model: "unit".to_owned(), ..OverageRow::default() };
                self.overage.push(row);
            }
            RowChange::RemoveAllowance(row) if row < self.allowances.len() => {
                self.allowances.remove(row);
            }
            RowChange::RemoveOverage(row) if row < self.overage.len() => {
                self.overage.remove(row);
            }
            _ => {}
        }
    }

    pub(super) fn rows_are_too_many(&self) -> bool {
        self.allowances.len() > ROWS_MAX || self.overage.len() > ROWS_MAX
    }
}

/// Names with line ends or `、` between them.
pub(super) fn names(text: &str) -> Vec<String> {
    let items = text.split(['\n', '、']).map(str::trim).filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

/// The lines of a text.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// A day as date fields send it.
pub(super) fn day(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// How tariff files write a choice.
fn name_of(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}
