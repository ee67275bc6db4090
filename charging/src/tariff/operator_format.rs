//! The files in which operators' public tariff zones were collected: `{"plans": [{…, "details": {…}}]}`.
//!
//! Texts are kept exactly as they are. What is dropped says nothing of its own: `price` and `data` (sums of what is
//! kept), `audience`, `contract` and `tags` (copies of details), `source`, and the operator's internal `tariffCode`.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Number;

use super::derive::derive;
use super::{Included, Price, SchemeId, TariffContent, classify, limits};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    id: String,
    #[serde(default)]
    operator: Option<String>,
    name: String,
    area: String,
    #[serde(default)]
    price: Option<Number>,
    #[serde(default)]
    general_data: Option<Number>,
    #[serde(default)]
    directed_data: Option<Number>,
    #[serde(default)]
    voice: Option<Number>,
    #[serde(default)]
    sms: String,
    #[serde(default)]
    broadband: String,
    #[serde(default)]
    tags: Vec<String>,
    details: Details,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    scheme_id: String,
    tariff_standard: String,
    #[serde(default)]
    applicable_area: String,
    #[serde(default)]
    sales_channel: String,
    online_date: String,
    offline_date: String,
    #[serde(default)]
    validity: String,
    #[serde(default)]
    network_requirement: String,
    #[serde(default)]
    cancel_method: String,
    #[serde(default)]
    liability: String,
    #[serde(default)]
    overage: String,
    #[serde(default)]
    services: String,
    #[serde(default)]
    notes: String,
    #[serde(default)]
    category: String,
}

/// Reads one plan; `file_operator` is what the file's head names.
///
/// # Errors
/// The reason why the plan cannot be published.
pub fn parse(json: &str, file_operator: Option<&str>) -> Result<TariffContent, String> {
    let plan: Plan = serde_json::from_str(json).map_err(|e| limits::plain_reason(&e))?;
    let operator_id = operator_of(&plan, file_operator)?.to_owned();
    let scheme_id: SchemeId = plan.details.scheme_id.trim().parse().map_err(|e| format!("{e}"))?;
    let kind = classify::kind_of(&plan.name, &plan.details.category, &plan.tags, &plan.details.tariff_standard);
    let included = included(&plan)?;
    let stated_price = plan.price.as_ref().map(decimal).transpose()?;
    let details = plan.details;
    let mut content = TariffContent {
        scheme_id,
        operator_id,
        kind,
        name: plan.name,
        audience: details.applicable_area,
        regions: split(&plan.area),
        channels: split(&details.sales_channel),
        on_sale_from: date(&details.online_date)?,
        on_sale_until: date(&details.offline_date)?,
        validity: details.validity,
        commitment: details.network_requirement,
        cancel: details.cancel_method,
        penalty: details.liability,
        restrictions: classify::restrictions_in(&[&details.services, &details.notes]),
        notes: details.notes,
        price_text: details.tariff_standard,
        services_text: details.services,
        overage_text: details.overage,
        category: details.category,
        included,
        terms: None,
    };
    limits::check(&content)?;
    let contradicts = Price::parse(&content.price_text).is_some_and(|price| Some(price.amount) != stated_price);
    if !contradicts {
        content.terms = derive(&content).ok().map(|derivation| derivation.terms);
    }
    Ok(content)
}

fn operator_of(plan: &Plan, file_operator: Option<&str>) -> Result<&'static str, String> {
    let known = |name: &str| match name {
        "cmcc" | "mobile" => Some("mobile"),
        "unicom" => Some("unicom"),
        _ => None,
    };
    let prefix = plan.id.split_once('-').map(|(prefix, _)| prefix);
    let mut named = [plan.operator.as_deref(), file_operator, prefix].into_iter().flatten().map(known);
    let first = named.next().flatten().ok_or_else(|| "the operator is not known".to_owned())?;
    if named.flatten().any(|other| other != first) {
        return Err("id and operator contradict each other".to_owned());
    }
    Ok(first)
}

fn included(plan: &Plan) -> Result<Included, String> {
    let above_zero = |number: &Option<Number>| {
        let number = number.as_ref().map(decimal).transpose()?;
        Ok::<_, String>(number.filter(|number| !number.is_zero()))
    };
    let voice = above_zero(&plan.voice)?;
    Ok(Included {
        general_data_gb: above_zero(&plan.general_data)?,
        directed_data_gb: above_zero(&plan.directed_data)?,
        voice_minutes: voice
            .map(|minutes| u64::try_from(minutes).map_err(|_| "voice is out of range".to_owned()))
            .transpose()?,
        // 详见详情 stands here where the number is only in the text.
        sms_messages: plan.sms.trim().parse().ok().filter(|messages| *messages > 0),
        broadband: match plan.broadband.trim() {
            "" | "0" | "-" | "无" | "不包含" | "详见详情" => String::new(),
            _ => plan.broadband.clone(),
        },
    })
}

fn decimal(number: &Number) -> Result<Decimal, String> {
    let text = number.to_string();
    Decimal::from_str_exact(&text)
        .ok()
        .filter(|number| *number >= Decimal::ZERO)
        .ok_or_else(|| format!("`{text}` is not a figure"))
}

/// Reads `20191227`, `2021-01-01` and `2021-01-01 00:00:00`.
fn date(text: &str) -> Result<NaiveDate, String> {
    let day = text.trim();
    let day = day.split_once([' ', 'T']).map_or(day, |(day, _)| day);
    let format = match day.len() {
        8 => "%Y%m%d",
        10 if day.contains('/') => "%Y/%m/%d",
        10 => "%Y-%m-%d",
        _ => "",
    };
    NaiveDate::parse_from_str(day, format)
        .map_err(|_| format!("`{}` is not a date", text.chars().take(40).collect::<String>()))
}

/// Splits a list at its commas, but not inside brackets; what stands there twice counts once.
fn split(list: &str) -> Vec<String> {
    let (mut items, mut item, mut depth) = (Vec::new(), String::new(), 0_u32);
    for c in list.chars().chain(['\n']) {
        match c {
            '（' | '(' => depth += 1,
            '）' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c == '\n' || (depth == 0 && matches!(c, '、' | '，' | ',' | '；' | ';')) {
            let trimmed = item.trim();
            if !trimmed.is_empty() && !items.iter().any(|other| other == trimmed) {
                items.push(trimmed.to_owned());
            }
            item.clear();
        } else {
            item.push(c);
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan() -> serde_json::Value {
        json!({
            "id": "cmcc-海南-25HI299001", "name": "清风卡19元", "area": "海南", "price": 19, "data": 0.49,
            "generalData": 0.49, "directedData": 0, "voice": 60, "sms": "详见详情", "broadband": "无",
            "audience": "海南客户", "contract": "", "source": "", "tags": ["清风系列", "清风系列"],
            "details": {
                "schemeId": "25HI299001", "tariffStandard": "19元/月", "applicableArea": "海南客户",
                "salesChannel": "营业厅、热线（仅限老用户，需验证）", "onlineDate": "20191227",
                "offlineDate": "2031-01-01 00:00:00", "validity": "3年", "networkRequirement": "无",
                "cancelMethod": "热线", "liability": "无", "overage": "", "services": " 每月含流量500MB。不可转赠。\n",
                "notes": "", "category": "清风系列", "tariffCode": ""
            }
        })
    }

    fn parsed(plan: &serde_json::Value) -> Result<TariffContent, String> {
        parse(&plan.to_string(), None)
    }

    #[test]
    fn a_plan_is_read_with_its_texts_as_they_are() {
        let content = parsed(&plan()).unwrap();
        assert_eq!(content.operator_id, "mobile");
        assert_eq!(content.channels, ["营业厅", "热线（仅限老用户，需验证）"]);
        assert_eq!(content.on_sale_from, NaiveDate::from_ymd_opt(2019, 12, 27).unwrap());
        assert_eq!(content.on_sale_until, NaiveDate::from_ymd_opt(2031, 1, 1).unwrap());
        assert_eq!(content.services_text, " 每月含流量500MB。不可转赠。\n");
        assert_eq!(content.restrictions, ["不可转赠"]);
        assert_eq!(content.included.general_data_gb, Some("0.49".parse().unwrap()));
        assert_eq!((content.included.voice_minutes, content.included.sms_messages), (Some(60), None));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_reason() {
        for (pointer, value, reason) in [
            ("/details/schemeId", json!("x"), "is not a scheme id"),
            ("/details/onlineDate", json!("明天"), "is not a date"),
            ("/details/offlineDate", json!("20180101"), "before"),
            ("/name", json!(""), "name"),
            ("/area", json!("  "), "region"),
            ("/generalData", json!(-1), "is not a figure"),
            ("/id", json!("other-1"), "operator"),
            ("/operator", json!("unicom"), "contradict"),
            ("/details/notes", json!("a\u{0}b"), "character"),
        ] {
            let mut plan = plan();
            match plan.pointer_mut(pointer) {
                Some(place) => *place = value,
                None => plan[&pointer[1..]] = value,
            }
            let refused = parsed(&plan).unwrap_err();
            assert!(refused.contains(reason), "{pointer}: {refused}");
        }
    }

    #[test]
    fn a_price_that_contradicts_its_text_makes_no_terms() {
        let mut plan = plan();
        plan["details"]["validity"] = json!("3年，到期自动续展");
        plan["generalData"] = json!(2);
        plan["details"]["services"] = json!("每月含2GB国内流量、60分钟国内主叫");
        assert!(parsed(&plan).unwrap().terms.is_some());
        plan["price"] = json!(20);
        assert!(parsed(&plan).unwrap().terms.is_none());
    }
}
