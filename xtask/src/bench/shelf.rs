//! A shelf of tariffs for the zone to search in: made up, always the same, as many and as long as asked for.

use std::io::{BufWriter, Write as _};

use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::Place;

const TARIFFS: u32 = 20_000;
const VERSIONS: u32 = 3;

const OPERATORS: [&str; 3] = ["mingbai", "mobile", "unicom"];
const KINDS: [&str; 4] = ["plan", "addon", "campaign", "international"];
const REGIONS: [&str; 8] = ["全国", "北京", "上海", "广东", "四川", "浙江", "山东", "云南"];
const HEADS: [&str; 10] = ["畅享", "无忧", "青春", "家庭", "校园", "商务", "银龄", "随心", "极速", "安心"];
const TAILS: [&str; 10] =
    ["5G 套餐", "流量加油包", "语音包", "宽带融合", "国际漫游包", "短信包", "副卡", "月租卡", "会员包", "优惠活动"];
/// What texts are put together from, some 30 characters each.
const SENTENCES: [&str; 12] = [
    "套餐内包含国内通用流量，当月未用完的流量可以结转到次月底使用。",
    "语音通话按分钟计费，不足一分钟按一分钟计算，接听免费。",
    "短信每条按规定价格收取，群发和国际短信不在套餐之内。",
    "宽带需要在有资源的小区安装，安装时间以预约为准，每户限一条。",
    "校园用户凭有效学生证件办理，毕业后恢复为普通用户的价格。",
    "家庭成员共享流量，主卡付费，副卡最多三张，每张每月另收功能费。",
    "国际漫游到指定国家和地区时生效，按天收费，北京时间零点重新计算。",
    "优惠期内每月减免十元，优惠期满后恢复原价，不会另行通知。",
    "每个手机号同一时间只能办理一个，重复办理不再生效。",
    "退订后当月仍可使用，次月起不再收费，已经收取的费用不退。",
    "定向流量只在指定的视频、音乐和地图应用里使用，不能用作热点。",
    "融合套餐内的电视业务需要配套机顶盒，押金在退还设备时退回。",
];

/// Files for `tariffs import`, one for each version of all of them, the first versions first.
pub fn files(place: &Place) -> anyhow::Result<Vec<String>> {
    (1..=VERSIONS).map(|version| file(place, version)).collect()
}

/// What the shelf is called in the table.
pub fn name() -> String {
    format!("{TARIFFS} tariffs of {VERSIONS} versions")
}

fn file(place: &Place, version: u32) -> anyhow::Result<String> {
    place.write(&format!("tariffs-{version}.json"), |file| {
        let mut file = BufWriter::new(file);
        write!(file, "{{\"format\":\"mingbai-tariffs/1\",\"tariffs\":[")?;
        for serial in 0..TARIFFS {
            let separator = if serial == 0 { "" } else { "," };
            write!(file, "{separator}\n{}", tariff(serial, version))?;
        }
        Ok(writeln!(file, "\n]}}")?)
    })
}

/// A version says the same as the one before but for its price and one sentence.
fn tariff(serial: u32, version: u32) -> serde_json::Value {
    let mut random = ChaCha8Rng::seed_from_u64(u64::from(serial));
    let mut pick = |from: &[&str]| (*from.choose(&mut random).unwrap_or(&"")).to_owned();
    let (operator, kind, region) = (pick(&OPERATORS), pick(&KINDS), pick(&REGIONS));
    let (head, tail) = (pick(&HEADS), pick(&TAILS));
    let services: String = (0..8).map(|_| pick(&SENTENCES)).collect();
    let notes: String = (0..6 + version).map(|_| pick(&SENTENCES)).collect();
    let restriction = pick(&SENTENCES);
    let price = random.random_range(9..300) + version;
    let gigabytes = random.random_range(1..200);
    json!({
        "scheme_id": format!("26MB{serial:06}"), "version": version, "published_at": format!("2026-0{version}-01T00:00:00Z"),
        "operator": operator, "name": format!("{head}{tail} {price}"), "kind": kind, "audience": "个人用户",
        "regions": [region], "channels": ["网上营业厅", "营业厅"], "on_sale_from": "2026-01-01", "on_sale_until": "2029-12-31",
        "validity": "一年，到期后没有退订的自动续一年。", "commitment": "无", "cancel": "网上营业厅随时退订。", "penalty": "无",
        "restrictions": [restriction], "notes": notes, "services_text": services,
        "terms": {"recurring": {"price": format!("{price}.00"), "first_month": "daily"}, "cancel_effective": "month_end",
            "allowances": [{"service": "data", "quantity": format!("{gigabytes}GB")}, {"service": "voice", "quantity": "300min"}],
            "overage": [{"service": "data", "model": "block", "price": "5.00", "block": "1GB"}]}
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tariff_is_always_the_same_and_its_versions_are_not() {
        assert_eq!(tariff(7, 1), tariff(7, 1));
        assert_ne!(tariff(7, 1)["terms"], tariff(7, 2)["terms"]);
        assert_eq!(tariff(7, 1)["services_text"], tariff(7, 2)["services_text"]);
        assert_ne!(tariff(7, 1)["services_text"], tariff(8, 1)["services_text"]);
    }
}
