//! What surrounds the price: commitment, validity, the first month, cancelling, rollover.

use std::sync::LazyLock;

use chrono::NaiveDate;
use regex::{Captures, Regex};

use super::page::Page;
use super::{Source, Underivable};
use crate::tariff::{CancelEffective, FirstMonth, TariffContent, fold};

fn compact(text: &str) -> String {
    fold(text).chars().filter(|c| !c.is_whitespace()).collect()
}

pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is tested")
}

/// 在网要求 and 违约责任 must both say that there is none.
pub(super) fn check_commitment(content: &TariffContent) -> Result<(), Underivable> {
    static NONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(无|无要求|不涉及|无在网要求|不限|不限制)[.。]?$"));
    static NO_PENALTY: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(无|不涉及|无违约责任|无违约金|(本产品)?(无合约(捆绑|期限),)?[^,。;0-9]{0,20}无需承担违约责任)[.。]?$",
        )
    });
    if NONE.is_match(&compact(&content.commitment)) && NO_PENALTY.is_match(&compact(&content.penalty)) {
        Ok(())
    } else {
        Err(Underivable::Commitment)
    }
}

/// 有效期限 must say that it is prolonged, or name no more than a last day that is not before 下线日期 (until
/// then the price holds, and what terms say is what a month costs); and must not name another price or an end.
pub(super) fn check_validity(content: &TariffContent) -> Result<(), Underivable> {
    static CONTINUES: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "自动(续展|展续|续订|续约|续期|续费|顺延|延期|延续|延长|逐年顺延|逐年延期)|往后续展|逐年(自动)?(顺延|延期)|需求顺延|长期有效|继续按此标准执行|单位进行续订|不退订可顺延|无异议(可再次|继续)顺延|连续包月",
        )
    });
    static ENDS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "元|[0-9]天|自动(失效|取消|退订|终止|截止)|恢复|在售|优惠|阶段|[0-9]折|前往|退订当[日天]|退订(立即|即时)",
        )
    });
    static ONLY_A_DAY: LazyLock<Regex> = LazyLock::new(|| {
        pattern("^(?:资费)?(?:有效期)?(?:截)?(?:至|为|:)*(20[0-9]{2})[年-]?([0-9]{1,2})[月-]?([0-9]{1,2})日?[.。]?$")
    });
    let validity = compact(&content.validity);
    if CONTINUES.is_match(&validity) && !ENDS.is_match(&validity) {
        return Ok(());
    }
    let day = ONLY_A_DAY
        .captures(&validity)
        .and_then(|day| NaiveDate::from_ymd_opt(day[1].parse().ok()?, day[2].parse().ok()?, day[3].parse().ok()?));
    if day.is_some_and(|day| day >= content.on_sale_until) { Ok(()) } else { Err(Underivable::Validity) }
}

/// How the first month is charged; `daily` where the text is silent.
pub(super) fn first_month(page: &mut Page, sources: &mut Vec<Source>) -> Result<FirstMonth, Underivable> {
    static MODES: LazyLock<[(FirstMonth, Regex); 3]> = LazyLock::new(|| {
        let start = "(?:套餐)?(?:新入网|新用户|用户|入网|办理|订购|生效|开通)?(?:首月|当月)";
        [
            (
                FirstMonth::Daily,
                pattern(&format!(
                    "新入网(?:客户)?(?:当月)?不足整月的,(?:基础)?套餐(?:月使用)?费按天折算收取(?:,套餐包含资源按天折算提供)?[。;]?(?:转资费用户(?:套餐)?次月(?:1日)?生效,?套餐费(?:一次性|全额)收取)?|{start}[^。;\n0-9首次]{{0,24}}?(?:按[日天](?:数)?(?:折算|计费|计算|收取|计收|收费)?|按?(?:当月)?剩余(?:实际)?天数折算)(?:一次性)?(?:收取|收费|提供|计费)?(?:[,、](?:套餐内容|套内资源|包含的?业务量?|业务量|内含流量)(?:也)?按?[日天]?折算(?:一次性)?提供)?(?:\\(入网/生效当日到月底\\))?(?:,费用一次性收取)?"
                )),
            ),
            (FirstMonth::Half, pattern(&format!("{start}[^。;\n0-9,首次]{{0,10}}?(?:减半|半价)"))),
            (
                FirstMonth::Full,
                pattern(&format!(
                    "{start}[^。;\n0-9,首次]{{0,10}}?(?:全量全价|全月全价|全月全量|全额收取|全价收取|全月收取|足额收取)"
                )),
            ),
        ]
    });
    static LATER: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "次月(?:起|开始)?(?:套餐费|资费|月费|在?月初|一次性|全额|全量|套内|套餐内?|语音|流量|业务量|业务|通信|资源|等|提供|收取|收费|扣费|[,、])*(?:收取|收费|扣费|提供)",
        )
    });
    static CHOICE: LazyLock<Regex> = LazyLock::new(|| pattern("选|或|按量|全价.*按|半价.*按"));
    static UNCLEAR: LazyLock<Regex> = LazyLock::new(|| pattern("首月|按量计费|资源?全量|不折算|次日"));
    let mut found = None;
    for (mode, pattern) in MODES.iter() {
        let pieces = page.take(pattern);
        if let Some(piece) = pieces.first() {
            if found.is_some() || pieces.iter().any(|piece| CHOICE.is_match(piece.group(0))) {
                return Err(Underivable::FirstMonth);
            }
            found = Some((*mode, page.sentence(piece)));
        }
    }
    page.take(&LATER);
    if UNCLEAR.is_match(page.left()) {
        return Err(Underivable::FirstMonth);
    }
    let (mode, sentence) = found.unwrap_or((FirstMonth::Daily, String::new()));
    sources.push(Source { field: "recurring.first_month", sentence });
    Ok(mode)
}

/// When cancelling takes effect; `month_end` where the text is silent.
pub(super) fn cancel(
    page: &mut Page,
    cancel_text: &str,
    sources: &mut Vec<Source>,
) -> Result<CancelEffective, Underivable> {
    static NOW: LazyLock<Regex> =
        LazyLock::new(|| pattern("(?:退订|取消|关闭)(?:后)?(?:即时|立即|实时|当日|当天)(?:生效|失效|终止|取消)?"));
    static LATER: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "(?:退订|取消|关闭|终止)(?:业务)?(?:后)?[,]?(?:于)?(?:次月|下月|次月1日|次月初|当月月?底|当月月?末|月底|月末)(?:起)?(?:生效|失效|终止|取消)?|当月月?底生效",
        )
    });
    let mut cancel_page = Page::new(&[cancel_text]);
    let mut sentences = [Vec::new(), Vec::new()];
    for (pattern, sentences) in [&*NOW, &*LATER].into_iter().zip(&mut sentences) {
        for source in [&mut *page, &mut cancel_page] {
            let pieces = source.take(pattern);
            sentences.extend(pieces.iter().map(|piece| source.sentence(piece)));
        }
    }
    let [now, later] = sentences;
    let (effective, sentence) = match (now.into_iter().next(), later.into_iter().next()) {
        (Some(_), Some(_)) => return Err(Underivable::Cancel),
        (Some(sentence), None) => (CancelEffective::Immediately, sentence),
        (None, Some(sentence)) => (CancelEffective::MonthEnd, sentence),
        (None, None) => (CancelEffective::MonthEnd, String::new()),
    };
    sources.push(Source { field: "cancel_effective", sentence });
    Ok(effective)
}

/// What a clause says about rolling over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rolls {
    Data(bool),
    /// About voice, about what has rolled over already, or about changing the plan.
    Other,
    Unclear,
}

/// Whether the data rolls over to the next month, with the sentence that says so where one does.
pub(super) fn rollover(page: &Page, sources: &mut Vec<Source>) -> Result<bool, Underivable> {
    static ON_CHANGE: LazyLock<Regex> = LazyLock::new(|| pattern("\\([^()]*(?:变更|过户|销户)[^()]*\\)"));
    let (mut subject, mut aside) = ("", false);
    let (mut answers, mut end, mut said) = (Vec::new(), 0, None);
    // As long as before, so that a place in it is one in the page.
    let text = ON_CHANGE.replace_all(page.folded(), |bracket: &Captures<'_>| "#".repeat(bracket[0].len()));
    for clause in text.split_inclusive(['。', ';', ',', '\n']) {
        end += clause.len();
        subject = match (clause.contains("流量"), ["语音", "通话", "分钟"].iter().any(|word| clause.contains(word)))
        {
            (true, true) => "both",
            (true, false) => "data",
            (false, true) => "voice",
            (false, false) => subject,
        };
        let was_aside = aside;
        aside = ["变更", "过户", "销户", "退订", "原套餐", "原基础", "其余情况", "停机", "套外", "套餐外"]
            .iter()
            .any(|word| clause.contains(word));
        if ["结转", "延期", "仍可使用"].iter().any(|word| clause.contains(word)) {
            let answer = if aside || was_aside { Rolls::Other } else { clause_rolls(clause, subject) };
            if matches!(answer, Rolls::Data(_)) && said.is_none() {
                said = Some(end - clause.len());
            }
            answers.push(answer);
        }
    }
    let says = |answer| answers.contains(&answer);
    match (says(Rolls::Data(true)), says(Rolls::Data(false)), says(Rolls::Unclear)) {
        (_, _, true) | (true, true, _) => Err(Underivable::Rollover),
        (rolls, _, _) => {
            let sentence = said.map_or_else(String::new, |place| page.sentence_at(place));
            sources.push(Source { field: "rollover", sentence });
            Ok(rolls)
        }
    }
}

fn clause_rolls(clause: &str, subject: &str) -> Rolls {
    static NO: LazyLock<Regex> = LazyLock::new(|| {
        // One modal at the most: in "不可共享、可结转" the second one says yes.
        pattern("(?:不|无法)(?:可以?|能|支持|得)?(?:共享|转赠|分享|及|和|、|与|或|当月){0,6}结转|不再延期|不延期")
    });
    static YES: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "(?:可|支持|能|共享|及|和|、|一次|当月剩余|未使用完|未使用部分|未用完|延期){1,6}结转|结转(?:一次)?(?:至|到)|延期(?:结转)?至|仍可使用",
        )
    });
    static ROLLED: LazyLock<Regex> =
        LazyLock::new(|| pattern("结转(?:后|的?(?:套内|套餐)?(?:全国|国内|通用)?流量)|仍未使用|顺序|优先"));
    match (subject, NO.is_match(clause), YES.is_match(&NO.replace_all(clause, ""))) {
        _ if ROLLED.is_match(clause) => Rolls::Other,
        ("voice", no, yes) if no || !yes => Rolls::Other,
        ("data", true, _) | ("both", true, false) => Rolls::Data(false),
        ("data", false, true) => Rolls::Data(true),
        _ => Rolls::Unclear,
    }
}
