//! What every tariff must be, whatever file it comes from.

use chrono::Datelike;

use super::TariffContent;

pub(super) const NAME_CHARS_MAX: usize = 200;
pub(super) const TEXT_CHARS_MAX: usize = 20_000;
const ITEM_CHARS_MAX: usize = 1_000;
const ITEMS_MAX: usize = 100;

/// Checks lengths, counts and dates.
///
/// # Errors
/// The reason, for whoever wrote the file.
pub fn check(content: &TariffContent) -> Result<(), String> {
    if content.name.trim().is_empty() {
        return Err("name is empty".to_owned());
    }
    check_text("name", &content.name, NAME_CHARS_MAX)?;
    for (name, text) in [
        ("audience", &content.audience),
        ("validity", &content.validity),
        ("commitment", &content.commitment),
        ("cancel", &content.cancel),
        ("penalty", &content.penalty),
        ("notes", &content.notes),
        ("price_text", &content.price_text),
        ("services_text", &content.services_text),
        ("overage_text", &content.overage_text),
        ("category", &content.category),
        ("included.broadband", &content.included.broadband),
    ] {
        check_text(name, text, TEXT_CHARS_MAX)?;
    }
    if content.regions.is_empty() || content.regions.iter().any(|region| region.trim().is_empty()) {
        return Err("regions must name at least one region, or 全国".to_owned());
    }
    for (name, items) in
        [("regions", &content.regions), ("channels", &content.channels), ("restrictions", &content.restrictions)]
    {
        if items.len() > ITEMS_MAX {
            return Err(format!("{name} has more than {ITEMS_MAX} items"));
        }
        items.iter().try_for_each(|item| check_text(name, item, ITEM_CHARS_MAX))?;
    }
    let denied = |text: &str| text.trim().is_empty() || text.trim() == "无";
    if content.terms.as_ref().is_some_and(|terms| terms.commitment.is_some())
        && (denied(&content.commitment) || denied(&content.penalty))
    {
        return Err("the terms hold a commitment, so commitment and penalty must say so".to_owned());
    }
    if !content.included.is_sound() {
        return Err("included: a figure is out of range".to_owned());
    }
    let years = 1990..=2999;
    if !years.contains(&content.on_sale_from.year()) || !years.contains(&content.on_sale_until.year()) {
        return Err("on_sale_from and on_sale_until must lie between 1990 and 2999".to_owned());
    }
    if content.on_sale_until < content.on_sale_from {
        return Err("on_sale_until lies before on_sale_from".to_owned());
    }
    Ok(())
}

fn check_text(name: &str, text: &str, chars_max: usize) -> Result<(), String> {
    if text.chars().nth(chars_max).is_some() {
        return Err(format!("{name} is longer than {chars_max} characters"));
    }
    if text.contains('\0') {
        return Err(format!("{name} holds the character U+0000, which no text can"));
    }
    Ok(())
}

/// What the JSON reader says, without places that mean nothing outside the element.
pub(super) fn plain_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}
