//! Who the demo's subscribers are: the same ones for the same seed.

use charging::subscriber::{Language, Msisdn};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha20Rng;

use super::rng;

/// How many there are.
pub const PEOPLE: u32 = 200;
/// The number of the first; the others follow it.
const FIRST_MSISDN: u64 = 13_800_000_001;

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹";
const GIVEN: [&str; 40] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "秀英", "霞",
    "平", "刚", "桂英", "建国", "志强", "雪梅", "海燕", "国庆", "春花", "子涵", "梓萱", "浩然", "雨桐", "思远", "嘉怡",
    "晓东", "文静", "立新", "玉兰", "家豪", "欣怡",
];
const REGIONS: [&str; 16] = [
    "北京", "北京", "上海", "广东", "广东", "浙江", "江苏", "四川", "河北", "天津", "湖北", "陕西", "山东", "河南",
    "福建", "辽宁",
];
/// Plans to begin with: cheap ones as often as dear ones.
const PLANS: [&str; 22] = [
    "24MB900001",
    "24MB900002",
    "24MB900003",
    "24MB900003",
    "24MB900004",
    "24MB900004",
    "24MB900005",
    "24MB900005",
    "24MB900005",
    "24MB900006",
    "24MB900022",
    "24MB900007",
    "24MB900008",
    "24MB900009",
    "24MB900010",
    "24MB900011",
    "24MB900012",
    "24MB900013",
    "24MB900014",
    "24MB900015",
    "22MB900018",
    "22MB900019",
];

/// Someone with a life of orders and usage.
#[derive(Clone, Debug)]
pub struct Person {
    /// From 1; the demo's stories are told by it.
    pub n: u32,
    pub msisdn: Msisdn,
    pub name: String,
    pub region: &'static str,
    pub language: Language,
    /// Months after the first of the history in which the number was opened.
    pub joined: u32,
    /// Uses about what the plan includes, or more.
    pub heavy: bool,
    pub first_plan: &'static str,
}

/// Everyone, in the order of their numbers. `months` is the length of the history.
pub fn everyone(months: u32) -> anyhow::Result<Vec<Person>> {
    (1..=PEOPLE).map(|n| person(n, months)).collect()
}

/// Whether a number is one of the demo's.
pub fn is_demo_number(msisdn: &str) -> bool {
    msisdn.parse::<u64>().is_ok_and(|number| (FIRST_MSISDN..FIRST_MSISDN + u64::from(PEOPLE)).contains(&number))
}

/// The number of the `n`th, from 1.
pub fn msisdn(n: u32) -> anyhow::Result<Msisdn> {
    Ok((FIRST_MSISDN + u64::from(n) - 1).to_string().parse()?)
}

fn person(n: u32, months: u32) -> anyhow::Result<Person> {
    let mut rng = rng(n, 0);
    let surnames: Vec<char> = SURNAMES.chars().collect();
    let surname = surnames[rng.random_range(0..surnames.len())];
    let given = GIVEN.choose(&mut rng).copied().unwrap_or(GIVEN[0]);
    let region = REGIONS.choose(&mut rng).copied().unwrap_or(REGIONS[0]);
    let story = story(n, months);
    let joined = if rng.random_bool(0.7) { 0 } else { rng.random_range(0..months) };
    let first_plan = first_plan(&mut rng, region);
    Ok(Person {
        n,
        msisdn: msisdn(n)?,
        name: story.map_or_else(|| format!("{surname}{given}"), |story| story.name.to_owned()),
        region: story.map_or(region, |story| story.region),
        language: if n == 4 || rng.random_bool(0.02) { Language::English } else { Language::Chinese },
        joined: story.map_or(joined, |story| story.joined.min(months)),
        heavy: rng.random_bool(0.15),
        first_plan: story.map_or(first_plan, |story| story.first_plan),
    })
}

fn first_plan(rng: &mut ChaCha20Rng, region: &str) -> &'static str {
    if ["北京", "天津", "河北"].contains(&region) && rng.random_bool(0.2) {
        return "24MB900020";
    }
    PLANS.choose(rng).copied().unwrap_or(PLANS[0])
}

/// The first numbers are good to look at; what happens to them is in `life`.
#[derive(Clone, Copy)]
struct Story {
    name: &'static str,
    region: &'static str,
    joined: u32,
    first_plan: &'static str,
}

fn story(n: u32, months: u32) -> Option<Story> {
    let told = |name, region, joined, first_plan| Some(Story { name, region, joined, first_plan });
    match n {
        1 => told("陈静", "北京", 0, "24MB900005"),
        2 => told("李明", "广东", 0, "24MB900003"),
        3 => told("赵雨桐", "浙江", months, "24MB900003"),
        4 => told("Emma Wilson", "上海", 0, "24MB900007"),
        5 => told("孙建国", "四川", 0, "24MB900006"),
        6 => told("周欣怡", "江苏", 3, "24MB900012"),
        7 => told("吴玉兰", "河北", 0, "24MB900011"),
        8 => told("马强", "陕西", 0, "24MB900003"),
        _ => None,
    }
}
