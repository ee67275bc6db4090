//! 超出资费: what is beyond the allowances.

use std::sync::LazyLock;

use regex::Regex;
use rust_decimal::Decimal;

use super::conditions::pattern;
use super::page::Page;
use super::{Source, Underivable, overage_field};
use crate::money::parse_amount;
use crate::quantity::{GIB, MIB, Service};
use crate::tariff::{Kind, Overage, OverageModel};

/// An amount in yuan.
const N: &str = r"([0-9]+(?:\.[0-9]+)?)";

/// A run of nothing but what a data price is told with: amounts, sizes, and the words that join them.
static RUN: LazyLock<Regex> = LazyLock::new(|| {
    let amount = r"[0-9]+(?:\.[0-9]+)?元(?:[/每]?1?[gm]b?)?";
    // The longer words first: the first that fits is taken.
    let words = "套餐外|已产生|上网|上述|不再|不足|使用|免费|前述|单价|同样|后续|国内|套外|封顶|往后|循环|执行|按照|收取|收费|最多|未满|标准|流量|直至|类推|累计|继续|规则|计收|计算|计费|费用|超出|超套|超过|达到|不|仍|以|先|内|到|前|即|可|后|含|当|按|收|时|此|每|满|用|的|至|计|超|达";
    pattern(&format!(r"(?:{amount}|[0-9]+mb?|每?1gb?|每gb?|{words}|[,():#、])+"))
});
static AMOUNT: LazyLock<Regex> = LazyLock::new(|| pattern(r"([0-9]+(?:\.[0-9]+)?)元([/每]?1?m)?"));
static MEGABYTES: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^/0-9元每])([0-9]+)mb?"));
/// Where a price a MB stops: `累计至3元`, `达到3元`, `每GB最多收3元`, `不足3元`.
static STOPS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:累计(?:使用)?[至到]?|达到?|满|费用达?到?|最多收取?|不足)(?:[0-9]+mb?\(?)?[0-9]+(?:\.[0-9]+)?元")
});
/// A started GB counts as a whole one, in so many words.
static STARTED_BLOCK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[(,]?(?:不足|未满)1gb?(?:的)?按照?1gb?(?:收取|计费|计算|计|收费)\)?"));
/// A price a minute, and the words before it that say of what.
static VOICE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"([^0-9,。;、\n]{{0,30}}?){N}元(?:/|每)(?:分钟|分)(?:计费|收取|收费)?(?:[(,][^,。;()\n0-9]{{0,12}}不足(?:1|一)分钟(?:的部分)?按(?:1|一)分钟(?:收取|计费|计算|计|收费)?\)?)?"
    ))
});
/// A price a message; 彩信 are no service of ours.
static SMS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"([^0-9,。;\n]{{0,24}}?){N}元(?:/|每)条(?:\(次\))?(?:计费|收取|收费)?(国内(?:点对点)?短、?彩信)?"
    ))
});
/// Anything that would change what a plain price a GB means.
static OTHERWISE: LazyLock<Regex> =
    LazyLock::new(|| pattern("不足|未满|不到|不满|向下取整|取整|前|满|达到|最多|每|先|以后|后续"));
/// The same beside the price, outside its run.
static OTHERWISE_LEFT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "[不未][足满]|不到|取整|租宝|放心用|当日|自动叠加|(?:[^g].|g[^b])为计费单位|计费单位[^#。;\n]|部分按|之后|[^及]以后",
    )
});

/// Words for calls or messages of one kind: what is said of it is not the price of all.
static OF_A_KIND: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "短|彩信|视频|接听|被叫|长途|漫游|本地|网间|网内|亲情|卫星|固话|座机|其他|异网|北斗|国际|港澳|境外|海外|省内|夜间|闲时",
    )
});

pub(super) fn take(page: &mut Page, kind: Kind, sources: &mut Vec<Source>) -> Result<Vec<Overage>, Underivable> {
    let found = [(Service::Data, data(page)?), (Service::Voice, voice(page)?), (Service::Sms, sms(page)?)];
    let mut overage = Vec::new();
    for (service, found) in found {
        let Some((model, sentence)) = found else { continue };
        overage.push(Overage { service, model });
        sources.push(Source { field: overage_field(service), sentence });
    }
    if kind == Kind::Addon && !overage.is_empty() {
        return Err(Underivable::Overage("an add-on that prices overage: only a plan can"));
    }
    Ok(overage)
}

type Found = Option<(OverageModel, String)>;

/// All pieces must say the same. A plain price a GB beside a ladder of that price repeats it.
fn agree(found: &mut Found, model: OverageModel, sentence: String) -> Result<(), Underivable> {
    use OverageModel::{Block, Ladder};
    match (&*found, &model) {
        (None, _) => *found = Some((model, sentence)),
        (Some((other, _)), _) if *other == model => {}
        (Some((Ladder { block_price, .. }, _)), Block { price, .. }) if block_price == price => {}
        (Some((Block { price, .. }, _)), Ladder { block_price, .. }) if block_price == price => {
            *found = Some((model, sentence));
        }
        _ => return Err(Underivable::Contradiction("overage prices in the text")),
    }
    Ok(())
}

fn price(text: &str) -> Result<Decimal, Underivable> {
    parse_amount(text, 6)
        .ok()
        .filter(|price| *price > Decimal::ZERO)
        .map(|price| price.normalize())
        .ok_or_else(|| Underivable::Figure(text.to_owned()))
}

/// A price of a minute or a message; none has ever been more than a yuan, so more is a misreading.
fn small_price(text: &str) -> Result<Decimal, Underivable> {
    let price = price(text)?;
    if price <= Decimal::ONE { Ok(price) } else { Err(Underivable::Figure(text.to_owned())) }
}

fn data(page: &mut Page) -> Result<Found, Underivable> {
    static PRICES_DATA: LazyLock<Regex> = LazyLock::new(|| pattern("元[/每]?1?[gm]"));
    let mut found = None;
    for piece in page.take_where(&RUN, |run| PRICES_DATA.is_match(run)) {
        let model = run_model(piece.group(0))?;
        let sentence = page.sentence(&piece);
        agree(&mut found, model, sentence)?;
    }
    let is_plain = matches!(&found, Some((OverageModel::Block { .. } | OverageModel::Unit { .. }, _)));
    if is_plain && OTHERWISE_LEFT.is_match(page.left()) {
        return Err(Underivable::Overage("the overage price depends on more than the volume"));
    }
    Ok(found)
}

/// What a run of words and amounts says. Every figure in it must fit the one reading.
fn run_model(run: &str) -> Result<OverageModel, Underivable> {
    let (mut by_megabyte, mut by_gigabyte) = (Vec::new(), Vec::new());
    for amount in AMOUNT.captures_iter(run) {
        let value = price(&amount[1])?;
        let list = if amount.get(2).is_some() { &mut by_megabyte } else { &mut by_gigabyte };
        if !list.contains(&value) {
            list.push(value);
        }
    }
    match (&by_megabyte[..], &by_gigabyte[..]) {
        ([unit_price], _) if *unit_price > Decimal::ONE => Err(Underivable::Figure(run.to_owned())),
        ([unit_price], [block_price]) => ladder(run, *unit_price, *block_price),
        ([unit_price], []) => {
            let rest = run.replace("不足1mb按1mb", "");
            if OTHERWISE.is_match(&rest) {
                return Err(Underivable::Overage("the overage price depends on more than the volume"));
            }
            Ok(OverageModel::Unit { price: *unit_price, unit: MIB })
        }
        ([], [block_price]) => {
            if OTHERWISE.is_match(&STARTED_BLOCK.replace_all(run, "")) {
                return Err(Underivable::Overage("the overage price depends on more than the volume"));
            }
            Ok(OverageModel::Block { price: *block_price, block: GIB })
        }
        _ => Err(Underivable::Contradiction("overage prices in the text")),
    }
}

fn ladder(run: &str, unit_price: Decimal, block_price: Decimal) -> Result<OverageModel, Underivable> {
    let mut stops = STOPS.is_match(run);
    for megabytes in MEGABYTES.captures_iter(run) {
        let megabytes: Decimal = megabytes[1].parse().map_err(|_| Underivable::Figure(run.to_owned()))?;
        if megabytes == Decimal::ONE {
            continue;
        }
        if megabytes.checked_mul(unit_price) != Some(block_price) {
            return Err(Underivable::Contradiction("the ladder does not add up"));
        }
        // `前250MB按0.02元/MB` beside `5元/GB`: the price a MB stops where it has become the price a GB.
        stops = true;
    }
    if !stops {
        return Err(Underivable::Overage("where the price a MB stops is not said"));
    }
    if block_price < unit_price {
        return Err(Underivable::Contradiction("the ladder does not add up"));
    }
    Ok(OverageModel::Ladder { price: unit_price, unit: MIB, block_price, block: GIB })
}

fn voice(page: &mut Page) -> Result<Found, Underivable> {
    let mut found = None;
    for piece in page.take(&VOICE) {
        let of = piece.group(1).replace("(含高清视频)", "");
        if OF_A_KIND.is_match(&of) {
            return Err(Underivable::Overage("calls of different kinds have different prices"));
        }
        let model = OverageModel::Unit { price: small_price(piece.group(2))?, unit: 1 };
        let sentence = page.sentence(&piece);
        agree(&mut found, model, sentence)?;
    }
    Ok(found)
}

fn sms(page: &mut Page) -> Result<Found, Underivable> {
    let mut found = None;
    for piece in page.take(&SMS) {
        let of = piece.group(1);
        let of = of.rsplit_once('元').map_or(of, |(_, last)| last);
        let of = if piece.group(3).is_empty() { of } else { piece.group(3) };
        if OF_A_KIND.is_match(&of.replace('短', "").replace("彩信", "")) {
            return Err(Underivable::Overage("messages of different kinds have different prices"));
        }
        let is_mms = of.contains("彩信") && !of.contains('短');
        if is_mms {
            continue;
        }
        if !of.contains('短') {
            return Err(Underivable::Figure(piece.group(0).to_owned()));
        }
        let model = OverageModel::Unit { price: small_price(piece.group(2))?, unit: 1 };
        let sentence = page.sentence(&piece);
        agree(&mut found, model, sentence)?;
    }
    Ok(found)
}
