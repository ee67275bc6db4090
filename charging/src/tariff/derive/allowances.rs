//! What is included a month: table and text must say the same.

use std::sync::LazyLock;

use regex::Regex;
use rust_decimal::Decimal;

use super::conditions::pattern;
use super::page::{Page, Piece};
use super::{Source, Underivable, allowance_field};
use crate::quantity::{GIB, MIB, QUANTITY_MAX, Service};
use crate::tariff::{Allowance, TariffContent};

/// Words that may stand between a figure and what it is of.
const WHERE: &str = "(?:国内|全国|通用|移动|手机|上网|共享|数据|5g|#|\\(#*\\)|的)*";

static DATA: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"([0-9]+(?:\.[0-9]+)?)(gb?|mb?){WHERE}流量|流量(?:\(#*\))?(?:为|:|包)?([0-9]+(?:\.[0-9]+)?)(gb?|mb?)"
    ))
});
static VOICE: LazyLock<Regex> = LazyLock::new(|| {
    let what = "(?:主叫|语音|通话|拨打|电话|时长|分钟数)";
    pattern(&format!(r"([0-9]+)分钟{WHERE}{what}+|{WHERE}{what}+(?:\(#*\))?(?:为|:|包)?([0-9]+)分钟"))
});
static SMS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"([0-9]+)条(?:国内|全国)?(?:点对点)?短信|(?:国内|全国)?(?:点对点)?短信(?:\(#*\))?(?:为|:|包)?([0-9]+)条")
});

pub(super) fn take(
    page: &mut Page,
    content: &TariffContent,
    rollover: bool,
    sources: &mut Vec<Source>,
) -> Result<Vec<Allowance>, Underivable> {
    let included = &content.included;
    if included.directed_data_gb.is_some_and(|gigabytes| !gigabytes.is_zero()) {
        return Err(Underivable::Condition("定向流量".to_owned()));
    }
    let data = agree(page, &DATA, data_figure, included.general_data_gb.map(Table::Gigabytes))?;
    let voice = agree(page, &VOICE, count_figure, included.voice_minutes.map(Table::Minutes))?;
    let sms = agree(page, &SMS, count_figure, included.sms_messages.map(Table::Messages))?;
    let mut allowances = Vec::new();
    for (service, found) in [(Service::Data, data), (Service::Voice, voice), (Service::Sms, sms)] {
        let Some((quantity, sentence)) = found else { continue };
        allowances.push(Allowance {
            service,
            quantity,
            rating_groups: Vec::new(),
            rollover: rollover && service == Service::Data,
        });
        sources.push(Source { field: allowance_field(service), sentence });
    }
    Ok(allowances)
}

/// A figure of the operator's table.
#[derive(Clone, Copy)]
enum Table {
    Gigabytes(Decimal),
    Minutes(u64),
    Messages(u64),
}

impl Table {
    /// The rated units, where the figure is exact.
    fn exact(self) -> Option<u64> {
        match self {
            Self::Gigabytes(gigabytes) => u64::try_from(gigabytes)
                .ok()
                .filter(|whole| gigabytes.is_integer() && *whole <= QUANTITY_MAX / GIB)
                .map(|whole| whole * GIB),
            Self::Minutes(count) | Self::Messages(count) => Some(count),
        }
    }

    /// Whether a figure of the text is what the table shows, which has two decimals of a GB at the most.
    fn shows(self, units: u64) -> bool {
        match self {
            Self::Gigabytes(gigabytes) => {
                let text = Decimal::from(units) / Decimal::from(GIB);
                (text - gigabytes).abs() < Decimal::new(1, 2)
            }
            Self::Minutes(count) | Self::Messages(count) => count == units,
        }
    }

    fn line(self) -> String {
        match self {
            Self::Gigabytes(gigabytes) => format!("通用流量 {}GB", gigabytes.normalize()),
            Self::Minutes(count) => format!("语音 {count}分钟"),
            Self::Messages(count) => format!("短信 {count}条"),
        }
    }
}

/// The one quantity that text and table agree on, and where it stands.
fn agree(
    page: &mut Page,
    pattern: &Regex,
    figure: fn(&Piece) -> Option<u64>,
    table: Option<Table>,
) -> Result<Option<(u64, String)>, Underivable> {
    let pieces = page.take(pattern);
    let mut stated: Option<(u64, String)> = None;
    for piece in &pieces {
        let units = figure(piece).ok_or_else(|| Underivable::Figure(piece.group(0).to_owned()))?;
        match &stated {
            Some((other, _)) if *other != units => return Err(Underivable::Contradiction("quantities in the text")),
            Some(_) => {}
            None => stated = Some((units, page.sentence(piece))),
        }
    }
    match (stated, table) {
        (None, None) => Ok(None),
        (None, Some(table)) => match table.exact() {
            Some(0) => Ok(None),
            Some(units) => Ok(Some((units, table.line()))),
            None => Err(Underivable::Figure(table.line())),
        },
        (Some((units, sentence)), Some(table)) if table.shows(units) => Ok(Some((units, sentence))),
        (Some(_), Some(_)) => Err(Underivable::Contradiction("text and table")),
        (Some(_), None) => Err(Underivable::Contradiction("the text includes what the table does not")),
    }
}

fn data_figure(piece: &Piece) -> Option<u64> {
    let (number, unit) = if piece.group(1).is_empty() { (3, 4) } else { (1, 2) };
    data_units(piece.group(number), piece.group(unit))
}

/// Bytes of `1.5` `gb`, where they are whole.
pub(super) fn data_units(number: &str, unit: &str) -> Option<u64> {
    let size = if unit.starts_with('g') { GIB } else { MIB };
    let bytes = number.parse::<Decimal>().ok()?.checked_mul(size.into())?;
    u64::try_from(bytes).ok().filter(|units| bytes.is_integer() && (1..=QUANTITY_MAX).contains(units))
}

fn count_figure(piece: &Piece) -> Option<u64> {
    let number = if piece.group(1).is_empty() { piece.group(2) } else { piece.group(1) };
    number.parse().ok().filter(|units| (1..=QUANTITY_MAX).contains(units))
}
