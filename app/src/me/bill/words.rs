use charging::bill::{BillLine, LineKind};
use charging::clock::Month;
use charging::quantity::Service;

use crate::components::{month_text, quantity_text};
use crate::i18n::{Locale, td_string};

/// What a line is for. `late_month` is the month that late usage belongs to, where one line is meant.
pub fn kind_text(l: Locale, kind: LineKind, late_month: Option<Month>) -> String {
    match (kind, late_month) {
        (LineKind::Recurring, _) => td_string!(l, bill.kind_recurring).to_owned(),
        (LineKind::OneOff, _) => td_string!(l, bill.kind_one_off).to_owned(),
        (LineKind::DataOverage, _) => td_string!(l, bill.kind_data_overage).to_owned(),
        (LineKind::VoiceOverage, _) => td_string!(l, bill.kind_voice_overage).to_owned(),
        (LineKind::SmsOverage, _) => td_string!(l, bill.kind_sms_overage).to_owned(),
        (LineKind::ThirdParty, _) => td_string!(l, bill.kind_third_party).to_owned(),
        (LineKind::LateUsage, None) => td_string!(l, bill.kind_late_usage).to_owned(),
        (LineKind::LateUsage, Some(month)) => td_string!(l, bill.kind_late_usage_of, month = month_text(l, month)),
        (LineKind::Adjustment, _) => td_string!(l, bill.kind_adjustment).to_owned(),
    }
}

/// The name of a line on its bill.
pub fn line_text(l: Locale, line: &BillLine) -> String {
    kind_text(l, line.kind, Some(line.charge_month))
}

/// How much a line is for; nothing where it is simply the month, or once.
pub fn quantity_of(l: Locale, line: &BillLine) -> Option<String> {
    let quantity = u64::try_from(line.quantity).ok()?;
    match line.kind {
        LineKind::DataOverage => Some(quantity_text(l, Service::Data, quantity)),
        LineKind::VoiceOverage => Some(quantity_text(l, Service::Voice, quantity / 60)),
        LineKind::SmsOverage => Some(quantity_text(l, Service::Sms, quantity)),
        LineKind::LateUsage if quantity == 1 => Some(td_string!(l, bill.record_one).to_owned()),
        LineKind::LateUsage => Some(td_string!(l, bill.records, n = quantity)),
        LineKind::Recurring | LineKind::OneOff | LineKind::ThirdParty | LineKind::Adjustment => None,
    }
}
