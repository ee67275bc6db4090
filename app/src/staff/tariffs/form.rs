//! The form of a draft: every element and the terms. Its field names are those of [`DraftForm`].

use charging::quantity::Service;
use charging::tariff::Kind;
use charging::tariff::draft::{AllowanceRow, Checked, DraftForm, OverageRow};
use leptos::prelude::*;

use super::findings::beside;
use crate::components::{kind_name, service_text};
use crate::i18n::{Locale, td_string};

/// What the fields are drawn with.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    pub l: Locale,
    pub form: &'a DraftForm,
    pub checked: &'a Checked,
}

/// A choice and its words.
type Choice = (&'static str, String);

impl Fields<'_> {
    pub fn view(self) -> AnyView {
        view! {
            {self.identity()}
            {self.terms()}
            {self.texts()}
        }
        .into_any()
    }

    fn identity(self) -> AnyView {
        let (l, form) = (self.l, self.form);
        let kinds: Vec<Choice> = Kind::ALL.iter().map(|kind| (kind.as_str(), kind_name(l, *kind))).collect();
        view! {
            <section class="card stack">
                <h2>{td_string!(l, draft.part_identity)}</h2>
                <div class="draft-grid">
                    {self.line("scheme_id", td_string!(l, draft.scheme_id), &form.scheme_id, td_string!(l, draft.scheme_id_hint))}
                    {self.line("name", td_string!(l, draft.name), &form.name, "")}
                    {self.select("kind", td_string!(l, draft.kind), &form.kind, &kinds)}
                    {self.line("category", td_string!(l, draft.category), &form.category, td_string!(l, draft.optional))}
                    {self.line("regions", td_string!(l, draft.regions), &form.regions, td_string!(l, draft.regions_hint))}
                    {self.line("audience", td_string!(l, draft.audience), &form.audience, "")}
                    {self.date("on_sale_from", td_string!(l, draft.on_sale_from), &form.on_sale_from)}
                    {self.date("on_sale_until", td_string!(l, draft.on_sale_until), &form.on_sale_until)}
                </div>
                {self.area("channels", td_string!(l, draft.channels), &form.channels, td_string!(l, draft.one_a_line))}
            </section>
        }
        .into_any()
    }

    fn terms(self) -> AnyView {
        let (l, form) = (self.l, self.form);
        let first: [Choice; 3] = [
            ("daily", td_string!(l, draft.first_daily).to_owned()),
            ("half", td_string!(l, draft.first_half).to_owned()),
            ("full", td_string!(l, draft.first_full).to_owned()),
        ];
        let ends: [Choice; 2] = [
            ("month_end", td_string!(l, draft.ends_month).to_owned()),
            ("immediately", td_string!(l, draft.ends_at_once).to_owned()),
        ];
        let models: [Choice; 5] = [
            ("", td_string!(l, draft.penalty_none).to_owned()),
            ("remaining_months", td_string!(l, draft.penalty_remaining).to_owned()),
            ("used_months", td_string!(l, draft.penalty_used).to_owned()),
            ("fixed", td_string!(l, draft.penalty_fixed).to_owned()),
            ("prorated", td_string!(l, draft.penalty_prorated).to_owned()),
        ];
        let allowances = form.allowances.iter().enumerate().map(|(i, row)| self.allowance(i, row)).collect_view();
        let overage = form.overage.iter().enumerate().map(|(i, row)| self.overage(i, row)).collect_view();
        view! {
            <section class="card stack">
                <h2>{td_string!(l, draft.part_terms)}</h2>
                <label class="choice" id="field-has_terms">
                    <input type="checkbox" name="form[has_terms]" value="on" checked=form.has_terms == "on" />
                    <span>{td_string!(l, draft.has_terms)}</span>
                </label>
                {beside(l, self.checked, "has_terms")}
                {beside(l, self.checked, "terms")}
                {beside(l, self.checked, "form")}
                <div class="draft-grid">
                    {self.line("monthly", td_string!(l, draft.monthly), &form.monthly, td_string!(l, draft.monthly_hint))}
                    {self.select("first_month", td_string!(l, draft.first_month), &form.first_month, &first)}
                    {self.line("one_off", td_string!(l, draft.one_off), &form.one_off, td_string!(l, draft.optional))}
                    {self.select("cancel_effective", td_string!(l, draft.cancel_effective), &form.cancel_effective, &ends)}
                </div>
                <fieldset class="stack-tight draft-rows" id="allowances">
                    <legend class="strong" id="field-allowances">{td_string!(l, draft.allowances)}</legend>
                    <p class="hint">{td_string!(l, draft.quantity_hint)}</p>
                    {beside(l, self.checked, "allowances")}
                    {allowances}
                    <p><button class="button" name="act" value="add_allowance">{td_string!(l, draft.add_row)}</button></p>
                </fieldset>
                <fieldset class="stack-tight draft-rows" id="overage">
                    <legend class="strong" id="field-overage">{td_string!(l, draft.overage)}</legend>
                    <p class="hint">{td_string!(l, draft.overage_hint)}</p>
                    {overage}
                    <p><button class="button" name="act" value="add_overage">{td_string!(l, draft.add_row)}</button></p>
                </fieldset>
                <div class="draft-grid">
                    {self.line(
                        "commitment_months",
                        td_string!(l, draft.commitment_months),
                        &form.commitment_months,
                        td_string!(l, draft.commitment_months_hint),
                    )}
                    {self.select("penalty_model", td_string!(l, draft.penalty_model), &form.penalty_model, &models)}
                    {self.line("penalty_price", td_string!(l, draft.penalty_price), &form.penalty_price, "")}
                    {self.line("penalty_percent", td_string!(l, draft.penalty_percent), &form.penalty_percent, td_string!(l, draft.optional))}
                </div>
            </section>
        }
        .into_any()
    }

    fn texts(self) -> AnyView {
        let (l, form) = (self.l, self.form);
        view! {
            <section class="card stack">
                <h2>{td_string!(l, draft.part_texts)}</h2>
                <p class="muted">{td_string!(l, draft.part_texts_lead)}</p>
                {self.area("restrictions", td_string!(l, draft.restrictions), &form.restrictions, td_string!(l, draft.one_a_line))}
                {self.area("validity", td_string!(l, draft.validity), &form.validity, td_string!(l, draft.validity_hint))}
                {self.area("commitment", td_string!(l, draft.commitment), &form.commitment, td_string!(l, draft.none_is_said))}
                {self.area("cancel", td_string!(l, draft.cancel), &form.cancel, td_string!(l, draft.cancel_hint))}
                {self.area("penalty", td_string!(l, draft.penalty), &form.penalty, td_string!(l, draft.none_is_said))}
                {self.area("notes", td_string!(l, draft.notes), &form.notes, td_string!(l, draft.notes_hint))}
                {self.area("price_text", td_string!(l, draft.price_text), &form.price_text, td_string!(l, draft.terms_say_it))}
                {self.area("services_text", td_string!(l, draft.services_text), &form.services_text, td_string!(l, draft.terms_say_it))}
                {self.area("overage_text", td_string!(l, draft.overage_text), &form.overage_text, td_string!(l, draft.terms_say_it))}
            </section>
        }
        .into_any()
    }

    fn allowance(self, i: usize, row: &AllowanceRow) -> AnyView {
        let l = self.l;
        let name = |part: &str| format!("allowances[{i}][{part}]");
        view! {
            <div class="draft-row" role="group" aria-label=td_string!(l, draft.allowance_n, n = (i + 1).to_string())>
                {self.select_of(&name("service"), td_string!(l, draft.service), &row.service, &self.services())}
                {self.line_of(&name("quantity"), td_string!(l, draft.quantity), &row.quantity)}
                {self.line_of(&name("rating_groups"), td_string!(l, draft.rating_groups), &row.rating_groups)}
                <label class="choice">
                    <input type="checkbox" name=input_name(&name("rollover")) value="on" checked=row.rollover == "on" />
                    <span>{td_string!(l, draft.rollover)}</span>
                </label>
                {beside(l, self.checked, &name("rollover"))}
                <button class="button" name="act" value=format!("remove_allowance:{i}")>{td_string!(l, draft.remove_row)}</button>
            </div>
        }
        .into_any()
    }

    fn overage(self, i: usize, row: &OverageRow) -> AnyView {
        let l = self.l;
        let name = |part: &str| format!("overage[{i}][{part}]");
        let models: [Choice; 3] = [
            ("unit", td_string!(l, draft.model_unit).to_owned()),
            ("block", td_string!(l, draft.model_block).to_owned()),
            ("ladder", td_string!(l, draft.model_ladder).to_owned()),
        ];
        view! {
            <div class="draft-row" role="group" aria-label=td_string!(l, draft.overage_n, n = (i + 1).to_string())>
                {self.select_of(&name("service"), td_string!(l, draft.service), &row.service, &self.services())}
                {self.select_of(&name("model"), td_string!(l, draft.model), &row.model, &models)}
                {self.line_of(&name("price"), td_string!(l, draft.price), &row.price)}
                {self.line_of(&name("unit"), td_string!(l, draft.unit), &row.unit)}
                {self.line_of(&name("block_price"), td_string!(l, draft.block_price), &row.block_price)}
                {self.line_of(&name("block"), td_string!(l, draft.block), &row.block)}
                <button class="button" name="act" value=format!("remove_overage:{i}")>{td_string!(l, draft.remove_row)}</button>
            </div>
        }
        .into_any()
    }

    fn services(self) -> [Choice; 3] {
        Service::ALL.map(|service| (service.as_str(), service_text(self.l, service).to_owned()))
    }

    fn line(self, field: &str, label: &'static str, value: &str, hint: &'static str) -> AnyView {
        let input = view! {
            <input
                id=format!("field-{field}")
                name=input_name(field)
                value=value.to_owned()
                maxlength="200"
                autocomplete="off"
                aria-invalid=self.is_wrong(field)
            />
        };
        self.field(field, label, hint, input.into_any())
    }

    fn date(self, field: &str, label: &'static str, value: &str) -> AnyView {
        let input = view! {
            <input
                id=format!("field-{field}")
                type="date"
                name=input_name(field)
                value=value.to_owned()
                aria-invalid=self.is_wrong(field)
            />
        };
        self.field(field, label, "", input.into_any())
    }

    fn area(self, field: &str, label: &'static str, value: &str, hint: &'static str) -> AnyView {
        // The first line end after the tag is no part of the text.
        let input = view! {
            <textarea
                id=format!("field-{field}")
                name=input_name(field)
                rows=rows_of(value)
                maxlength="20000"
                aria-invalid=self.is_wrong(field)
            >
                {format!("\n{value}")}
            </textarea>
        };
        self.field(field, label, hint, input.into_any())
    }

    fn select(self, field: &str, label: &'static str, value: &str, choices: &[Choice]) -> AnyView {
        let input = options(&format!("field-{field}"), &input_name(field), value, choices);
        self.field(field, label, "", input)
    }

    fn field(self, field: &str, label: &'static str, hint: &'static str, input: AnyView) -> AnyView {
        view! {
            <div class="field">
                <label for=format!("field-{field}")>{label}</label>
                {input}
                {(!hint.is_empty()).then(|| view! { <p class="hint">{hint}</p> })}
                {beside(self.l, self.checked, field)}
            </div>
        }
        .into_any()
    }

    /// A field of a row.
    fn line_of(self, field: &str, label: &'static str, value: &str) -> AnyView {
        let input = view! {
            <input
                name=input_name(field)
                value=value.to_owned()
                maxlength="200"
                autocomplete="off"
                aria-invalid=self.is_wrong(field)
            />
        };
        self.cell(field, label, input.into_any())
    }

    fn select_of(self, field: &str, label: &'static str, value: &str, choices: &[Choice]) -> AnyView {
        let id = format!("field-{}", field.replace(['[', ']'], "-"));
        let input = options(&id, &input_name(field), value, choices);
        self.cell(field, label, input)
    }

    fn cell(self, field: &str, label: &'static str, input: AnyView) -> AnyView {
        view! {
            <div class="field">
                <label>
                    <span class="small">{label}</span>
                    {input}
                </label>
                {beside(self.l, self.checked, field)}
            </div>
        }
        .into_any()
    }

    fn is_wrong(self, field: &str) -> Option<&'static str> {
        self.checked.problems.iter().any(|problem| problem.field == field).then_some("true")
    }
}

/// As many lines as the text has, and some room.
fn rows_of(text: &str) -> String {
    let lines = text.lines().map(|line| 1 + line.chars().count() / 40).sum::<usize>();
    lines.clamp(2, 12).to_string()
}

/// The name of a field's input: that of a row's field has all its parts in brackets.
fn input_name(field: &str) -> String {
    match field.split_once('[') {
        Some((rows, rest)) => format!("form[{rows}][{rest}"),
        None => format!("form[{field}]"),
    }
}

fn options(id: &str, name: &str, value: &str, choices: &[Choice]) -> AnyView {
    let options = choices
        .iter()
        .map(|(choice, words)| view! { <option value=*choice selected=*choice == value>{words.clone()}</option> })
        .collect_view();
    view! { <select id=id.to_owned() name=name.to_owned()>{options}</select> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_named_as_the_form_is_read() {
        assert_eq!(input_name("name"), "form[name]");
        assert_eq!(input_name("allowances[0][quantity]"), "form[allowances][0][quantity]");
    }
}
