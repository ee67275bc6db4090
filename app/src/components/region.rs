//! Provinces, by the names that tariffs use.

use crate::i18n::Locale;

const ENGLISH: [(&str, &str); 35] = [
    ("全国", "Nationwide"),
    ("北京", "Beijing"),
    ("天津", "Tianjin"),
    ("河北", "Hebei"),
    ("山西", "Shanxi"),
    ("内蒙古", "Inner Mongolia"),
    ("辽宁", "Liaoning"),
    ("吉林", "Jilin"),
    ("黑龙江", "Heilongjiang"),
    ("上海", "Shanghai"),
    ("江苏", "Jiangsu"),
    ("浙江", "Zhejiang"),
    ("安徽", "Anhui"),
    ("福建", "Fujian"),
    ("江西", "Jiangxi"),
    ("山东", "Shandong"),
    ("河南", "Henan"),
    ("湖北", "Hubei"),
    ("湖南", "Hunan"),
    ("广东", "Guangdong"),
    ("广西", "Guangxi"),
    ("海南", "Hainan"),
    ("重庆", "Chongqing"),
    ("四川", "Sichuan"),
    ("贵州", "Guizhou"),
    ("云南", "Yunnan"),
    ("西藏", "Tibet"),
    ("陕西", "Shaanxi"),
    ("甘肃", "Gansu"),
    ("青海", "Qinghai"),
    ("宁夏", "Ningxia"),
    ("新疆", "Xinjiang"),
    ("香港", "Hong Kong"),
    ("澳门", "Macao"),
    ("台湾", "Taiwan"),
];

/// Every region of tariffs, nationwide first.
pub const REGIONS: [&str; 35] = {
    let mut names = [""; 35];
    let mut at = 0;
    while at < names.len() {
        names[at] = ENGLISH[at].0;
        at += 1;
    }
    names
};

/// A region in the language of the page; one that is not a province stays as published.
pub fn region_name(l: Locale, region: &str) -> String {
    let english = ENGLISH.iter().find(|(chinese, _)| *chinese == region).map(|(_, english)| *english);
    match (l, english) {
        (Locale::en, Some(english)) => english.to_owned(),
        _ => region.to_owned(),
    }
}
