//! What may stand beside a price without changing it, and what may not.

use std::sync::LazyLock;

use regex::Regex;
use rust_decimal::Decimal;

use super::Underivable;
use super::conditions::pattern;
use super::page::Page;
use crate::tariff::{Kind, TariffContent, fold};

/// Harmless figures and phrases: none of them changes what is charged or granted.
static HARMLESS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // Generations of the network, never an amount of data.
        r"[45]g(?:-?a)?(?:致享|极速|优享|尊享|臻享|基础|专属)?(?:上网服务|服务|速率|网络|消息|新通话|套餐|功能|版)",
        r"(?:1008[0-9]|1001[0-9]|10000)(?:客服)?(?:热线|号)?",
        // What happens to data when the plan is changed.
        r"\([^()0-9]*(?:变更|过户|销户)[^()0-9]*结转[^()0-9]*\)",
        r"副卡可?(?:使用|共享)主卡[^,。;\n0-9]{0,20}",
        r"结转一次",
        // Memberships for those who ordered at a certain time: not metered.
        r"(?:[0-9]\.)?(?:20[0-9]{2}年)[0-9]{1,2}月[0-9]{1,2}日-[0-9]{1,2}月[0-9]{1,2}日期间办理的用户,享[^,。;\n0-9]{0,12}会员",
        // Other services at nothing; free incoming calls and caller display.
        r"(?:来电来信免打扰|反诈名片(?:基础版)?)0元/月(?:-?立即生效)?",
        r"联通助理漏话提醒60天体验包0元/月(?:-立即生效|\(可选\))?|来电显示服务100%优惠",
        r"(?:免费)?(?:赠送|赠|包含|含|送)?来电(?:显示|来信免打扰|提醒|免打扰)(?:业务|服务|功能)?(?:免费)?",
        r"(?:在)?(?:国内|全国|内地)?(?:接听|被叫)(?:电话)?(?:均)?(?:免费|0元(?:/分钟)?|不收费)",
        // Where it can be used: in the mainland, as all our usage is.
        r"\(?(?:以上|所述|上述)?(?:的)?(?:国内|资费|业务|内容|流量|语音|通话|使用范围|、|及|和|等)*(?:均)?(?:不含|不包含|不包括|除)(?:国际及|国际、|国际和)?(?:中国)?(?:的)?港、?澳、?台(?:地区)?(?:外|业务|方向|资费|流量)?\)?",
        r"(?:仅限|限|仅在)(?:中国)?(?:内地|大陆)(?:地区)?(?:使用)?",
        // Rounding as the rating rules have it: a started minute, a started MB.
        r"(?:每次)?(?:通话)?不足(?:1|一)(?:分钟|mb)(?:的部分)?按(?:照)?(?:1|一)(?:分钟|mb)(?:计费|计算|收取|计|收费)?",
        // Storage, broadband, speeds: not metered, be it included or optional.
        r"可选装[0-9]条宽带:[^,。;\n]{0,60}宽带|可选(?:[0-9]t)?(?:联通云盘(?:业务)?|视频彩铃)",
        r"主卡最高上网速率|\(?需基站及用户终端支持\)?|\([0-9]c[0-9]+g[0-9]+g(?:系统盘)?\)",
        r"(?:赠送|赠|含|享|免费)?(?:[0-9]+(?:tb?|gb?)的?)?(?:联通智家-?|联通|移动)?云盘(?:\(?(?:尊享|vip|白金|黄金|钻石|铂金|白银|基础|会员|版|空间|个人空间)*\)?)?(?:[0-9]+(?:tb?|gb?)?)?(?:\(?(?:尊享|vip|会员|空间|版)*\)?)",
        r"[0-9]+(?:tb?|gb?)(?:的)?(?:移动|联通|免费)?(?:云盘|云空间|融合空间|个人云|家庭云|空间|云存储)(?:空间|会员|服务)?",
        // The other generations beside 5G.
        r"2/3/4/5g",
        // Memberships that last for a while.
        r"享[0-9]+张观影券",
        r"最多享[0-9]+个月[^,。;\n0-9]{0,8}权益",
        r"权益首月需主动[^,。;\n0-9]{0,16}领取|权益[^,。;\n0-9]{0,12},新入网首月需主动领取",
        r"(?:联通|移动)?看家(?:[0-9]天)?(?:云存储)?(?:回看|svip|服务)?",
        r"(?:[0-9一]条)?(?:5g)?(?:下行|上行|峰值|最高|速率|达|可达|为|:|\()*[0-9]+(?:\.[0-9]+)?[gmk]bps",
        r"(?:[0-9一]条)?[0-9]+m?(?:光)?宽带|[0-9一]条(?:免费|本地)?宽带",
        // Prices of other services, named elsewhere.
        r"其[他它](?:未尽)?(?:业务|资费|服务|内容)?(?:均)?(?:按|执行)[^。;\n0-9]{0,30}",
        r"按照?(?:套餐外|套外)(?:流量)?(?:资费|标准|费)*(?:执行|收取|收费|计费|计收)(?:相应费用)?",
        r"与[^,。;\n0-9]{0,20}互斥",
        r"[n0-9]+选[0-9一]",
        r"其他业务0\.1元",
    ]
    .iter()
    .map(|text| pattern(text))
    .collect()
});

/// Words that hint at a condition, another price, or usage that cannot be told apart.
static CONDITION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        "优惠|折扣|[0-9一二三四五六七八九]折|打折|原价|直降|减免|免月|免收|免套餐|首免|返还|返费|返话费|赠费|赠送|加赠|促销|额外|另享|",
        "预存|存费|补贴|补差|补足|补齐|电子券|代金|兑换券|红包|金币|ai豆|积分|分期|购机|终端|设备|机顶盒|光猫|保底|低消|最低消费|",
        "承诺|合约|违约|赔付|赔偿|押金|质押|首付|趸|一次性|调测费|安装费|装机|手续费|开通费|服务费|功能费|升档|加价|另收|另付|另需|需支付|",
        "体验|试用|活动|到期|期满|恢复|阶段|个月|季度|半年|全年|包年|年费|次月起|前[0-9一二三]|第[0-9一二三]|",
        "定向|专属流量|省内|本省|本地|市内|区内|州内|闲时|夜间|忙时|日间|校园内|校内|基站|省份|国际|港澳台|境外|漫游|出境|海外|",
        "不限量|无限|限速|降速|达量|封顶值为[0-9]|亲情|家庭网|短号|互打|互拨|网内|虚拟网|群组|集团内|集团通话|组网|畅聊|免费通话|免费拨打|通话免费|",
        "模组|模块|单独|可选包|主套餐|基础套餐|原套餐|主卡|叠加|组合|任选|自选|可选|二选一|三选一|",
        "详见|详询|咨询|以.{0,20}为准|另行|各省|配置|详情|公告|标准资费|标准国内资费|现行|及以上|以上|以下|起|至少|最低|折算|日租|天租|按天|每日|每天|视频流量|",
        "同[^,。;\n]{0,12}套餐|租宝|免流|保号|卫星|其他运营商|异网|他网|固话|座机|固定电话|需[^,。;\n]{0,6}(?:办理|开通|订购|加入|使用)|须[^,。;\n]{0,6}(?:办理|开通|订购|加入)|协同|同时办理|前提|物联网|转赠给|加装包"
    ))
});

static DIGIT: LazyLock<Regex> = LazyLock::new(|| pattern(r".{0,8}[0-9].{0,8}"));
static CHINESE_FIGURE: LazyLock<Regex> =
    LazyLock::new(|| pattern("[一二两三四五六七八九十百千半](?:元|块|gb|分钟|条短信|毛|角)"));

/// Takes out what is harmless.
pub(super) fn set_aside(page: &mut Page) {
    static LIST_MARKER: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?:^|[\n。;,:#])(\(?[0-9]{1,2}[、.)]|[①-⑩])[^0-9]"));
    // Lists whose items do not end with a stop: `…不可结转2.当月…`.
    static MARKER_WITHIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{Han}#)]([2-9]\.{1,2})[\p{Han}#]"));
    let markers = |page: &mut Page| {
        page.take_group(&LIST_MARKER);
        page.take_group(&MARKER_WITHIN);
    };
    markers(page);
    set_aside_cards(page);
    for pattern in HARMLESS.iter() {
        page.take(pattern);
    }
    markers(page);
}

/// Takes out clauses about secondary cards, which are ordered and charged apart, where they hold no other figure than
/// how many there may be and what each costs.
fn set_aside_cards(page: &mut Page) {
    static CLAUSE: LazyLock<Regex> = LazyLock::new(|| {
        let figure = format!("{CARD_DAY}|[0-9]+元?(?:/张/月|/月/张|/张|/月|一张|1张|张|个)");
        let (before, part) = (format!(r"(?:{figure}|[^0-9a-z#),。;\n])*"), format!(r"(?:{figure}|[^0-9a-z#,。;\n])*"));
        let goes_on = "可选\\)|[0-9]张免费|免费[0-9]张|第[0-9]张|[0-9]+元/张|超出|其余|其[他它]|其中|每张|月费|免费|按|最多|至多|上限|新办|共享主卡|主卡收取共享功能费|副卡月租费";
        pattern(&format!(r"{before}(?:[0-9]元?)?副卡{part}(?:,(?:{goes_on}){part})*"))
    });
    static CHARGED_APART: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\(如有收费副卡,则按市公司标准,在套餐费外单独收费\)"));
    static DAY: LazyLock<Regex> = LazyLock::new(|| pattern(CARD_DAY));
    static OF_THE_PLAN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "优惠|折|减|返|赠|送|套餐费|首|前|年|活动|活跃|额外|叠|流量包|语音包|获|领|需|须|满|承诺|合约|定向|省内|互打|互拨|互通|通话|达量|限速|夜间|闲时|低消|最低消费|为准|详",
        )
    });
    page.take(&CHARGED_APART);
    page.take_where(&CLAUSE, |clause| !OF_THE_PLAN.is_match(&DAY.replace_all(clause, "")));
}

/// Since when there may be more cards.
const CARD_DAY: &str = "20[0-9]{2}年[0-9]{1,2}月[0-9]{1,2}日后";

/// Takes out where the texts repeat the monthly price.
pub(super) fn take_price(page: &mut Page, price: Decimal) -> Result<(), Underivable> {
    static MONTHLY: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?:套餐)?(?:月租费?|月费|套餐费|月使用费|月功能费)(?:为|:|是)?([0-9]+(?:\.[0-9]+)?)元(?:/月)?|(?:^|[\n。;,:#])(?:每月)?([0-9]+(?:\.[0-9]+)?)元/月",
        )
    });
    static PARTS: LazyLock<Regex> = LazyLock::new(|| pattern(r"([0-9]+)元资费组成\(([^()]*)\)"));
    static PART: LazyLock<Regex> = LazyLock::new(|| pattern(r"([0-9]+(?:\.[0-9]+)?)元"));
    for piece in page.take(&PARTS) {
        let parts = PART.captures_iter(piece.group(2)).map(|part| part[1].parse::<Decimal>());
        let sum = parts.sum::<Result<Decimal, _>>();
        if piece.group(1).parse() != Ok(price) || sum != Ok(price) {
            return Err(Underivable::Contradiction("monthly prices"));
        }
    }
    for piece in page.take(&MONTHLY) {
        let amount = if piece.group(1).is_empty() { piece.group(2) } else { piece.group(1) };
        if amount.parse() != Ok(price) {
            return Err(Underivable::Contradiction("monthly prices"));
        }
    }
    Ok(())
}

/// Takes out sentences about the usual cap of 600 yuan, which is ours as well, where they hold no other figure.
pub(super) fn set_aside_cap(page: &mut Page) {
    static CAP: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?:[^。;\n0-9]*(?:封顶|达到?|超过)[^。;\n0-9]{0,12})?600元(?:/月)?[^。;\n0-9]*(?:封顶|停止|暂停|关闭)[^。;\n0-9]*(?:\(?600元\)?[^。;\n0-9]*)*",
        )
    });
    static CAP_VALUE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?:达到)?封顶值?(?:\(?为?600元\)?)|封顶费用[^。;\n0-9]*|恢复600元封顶规则"));
    page.take(&CAP_VALUE);
    page.take(&CAP);
}

/// Whether anything is left that is not understood.
pub(super) fn check_nothing_is_left(page: &Page, kind: Kind) -> Result<(), Underivable> {
    let left = page.left();
    if let Some(word) = CONDITION.find(left) {
        return Err(Underivable::Condition(word.as_str().to_owned()));
    }
    if let Some(figure) = DIGIT.find(left).or_else(|| CHINESE_FIGURE.find(left)) {
        return Err(Underivable::Figure(figure.as_str().to_owned()));
    }
    if kind == Kind::Plan && left.contains("资费执行") {
        return Err(Underivable::Overage("the overage price stands elsewhere"));
    }
    Ok(())
}

/// The name must not promise what the texts do not say: every figure in it must be the price, a version, or what the
/// table shows.
pub(super) fn check_name(content: &TariffContent, price: Decimal) -> Result<(), Underivable> {
    static NAME_CONDITION: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "副卡|终端|固话|座机|优惠|折|赠|送|返|合约|体验|试用|首|年包|季包|半年|日包|天包|周包|小时|定向|省内|国际|漫游|港澳|校园网|亲情|专项|减免|免费|扣减|补|档差|模组|模块|可选包|叠加|夜|闲时|视频流量|保号|停机|续|接续|限速|分享|升级|权益|会员|个月|[0-9]天|[0-9]期|原价|宽带|组网|fttr|携转|预约|共享",
        )
    });
    static VERSION: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"20[12][0-9](?:0[1-9]|1[0-2])|20[12][0-9]年?版?|2[2-6](?:0[1-9]|1[0-2])|2[0-6]版|升级版|[0-9]\.[0-9]版?|[45]g(?:-a|a)?|v[0-9]|[a-z]版",
        )
    });
    static FIGURE: LazyLock<Regex> = LazyLock::new(|| pattern(r"([0-9]+(?:\.[0-9]+)?)(元|档|gb?|mb?|分钟|条|月租)?"));
    let name: String = fold(&content.name).chars().filter(|c| !c.is_whitespace()).collect();
    let name = VERSION.replace_all(&name, "#");
    if let Some(word) = NAME_CONDITION.find(&name) {
        return Err(Underivable::Condition(word.as_str().to_owned()));
    }
    for figure in FIGURE.captures_iter(&name) {
        let shown = figure.get(0).map_or("", |whole| whole.as_str());
        let number = figure.get(1).and_then(|number| number.as_str().parse::<Decimal>().ok());
        let unit = figure.get(2).map_or("", |unit| unit.as_str());
        if !number.is_some_and(|number| name_figure_holds(content, price, number, unit)) {
            return Err(Underivable::Figure(shown.to_owned()));
        }
    }
    Ok(())
}

fn name_figure_holds(content: &TariffContent, price: Decimal, number: Decimal, unit: &str) -> bool {
    let included = &content.included;
    let is = |count: Option<u64>| count.map(Decimal::from) == Some(number);
    match unit {
        "元" | "档" | "月租" | "" => number == price,
        "g" | "gb" => included.general_data_gb == Some(number),
        "分钟" => is(included.voice_minutes),
        "条" => is(included.sms_messages),
        _ => false,
    }
}
