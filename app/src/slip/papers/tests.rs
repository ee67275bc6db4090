//! The PDFs read back as text, where `pdftotext` (poppler) is there to do it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use charging::bill::{BillLine, LineKind};
use charging::subscriber::Language;

use super::*;

fn subscriber() -> Subscriber {
    Subscriber {
        subscriber_id: 1,
        msisdn: "13800000001".parse().unwrap(),
        name: "张喆".to_owned(),
        region: "北京".to_owned(),
        language: Language::Chinese,
        created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
    }
}

fn line(line_no: i32, kind: LineKind, exact: &str, amount: &str, name: &str) -> BillLine {
    BillLine {
        line_no,
        kind,
        scheme_id: "26MB900001".parse().unwrap(),
        version: 1,
        tariff_name: name.to_owned(),
        charge_month: "2026-10".parse().unwrap(),
        quantity: 3_221_225_472,
        exact: exact.parse().unwrap(),
        amount: amount.parse().unwrap(),
    }
}

fn bill(lines: Vec<BillLine>) -> Bill {
    let total = lines.iter().map(|line| line.amount).sum();
    Bill { month: "2026-10".parse().unwrap(), total, closed_at: "2026-11-01T02:00:00Z".parse().unwrap(), lines }
}

/// The text of a PDF as it stands on the page; `None`: there is nothing to read it with.
fn read(pdf: &[u8]) -> Option<String> {
    run("-layout", pdf)
}

/// Where each word of a PDF ends, in points from the left.
fn right_edges(pdf: &[u8], word: &str) -> Vec<f32> {
    let words = run("-bbox", pdf).unwrap_or_default();
    let wanted = format!(">{word}</word>");
    let edge = |line: &str| line.split("xMax=\"").nth(1)?.split('"').next()?.parse().ok();
    words.lines().filter(|line| line.ends_with(&wanted)).filter_map(edge).collect()
}

fn run(shape: &str, pdf: &[u8]) -> Option<String> {
    let mut reader = Command::new("pdftotext");
    let mut reader = reader.args([shape, "-", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut input = reader.stdin.take()?;
    let pdf = pdf.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&pdf));
    let output = reader.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn figures_of_a_column_end_at_one_edge_and_nothing_is_lost() {
    let bill = bill(vec![
        line(1, LineKind::Recurring, "99", "99.00", "畅享 99 套餐"),
        line(
            2,
            LineKind::DataOverage,
            "1234.567891",
            "1234.57",
            "一个名字很长很长、要分成好几行才写得下的流量加油包（2026 版）",
        ),
        line(3, LineKind::Adjustment, "-10", "-10.00", "𠮷字号"),
    ]);
    let pdf = write_bill(Locale::zh_CN, &bill, &BTreeMap::new(), &subscriber()).unwrap();
    assert!(pdf.starts_with(b"%PDF"));
    let Some(text) = read(&pdf) else { return };
    for said in
        ["2026年10月账单", "13800000001 张喆", "月费", "1234.567891", "1234.57", "-10.00", "1323.57", "〔U+20BB7〕字号"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    let edges: Vec<f32> =
        ["99.00", "1234.57", "-10.00", "1323.57"].iter().flat_map(|amount| right_edges(&pdf, amount)).collect();
    assert_eq!(edges.len(), 4, "{edges:?}");
    assert!(edges.iter().all(|edge| (edge - edges[0]).abs() < 0.5), "{edges:?}");
}

#[test]
fn a_long_list_has_its_head_on_every_page_and_every_row_once() {
    let lines = (1..=200).map(|n| line(n, LineKind::SmsOverage, "0.1", "0.10", &format!("第{n}行"))).collect();
    let bill = bill(lines);
    let pdf = write_bill(Locale::zh_CN, &bill, &BTreeMap::new(), &subscriber()).unwrap();
    let Some(text) = read(&pdf) else { return };
    let pages: Vec<&str> = text.split('\u{c}').filter(|page| !page.trim().is_empty()).collect();
    assert!(pages.len() > 3, "{}", pages.len());
    let last = pages.len() - 1;
    assert!(pages[..last].iter().all(|page| page.contains("项目") && page.contains("金额")), "{text}");
    for n in 1..=200 {
        assert_eq!(text.matches(&format!("第{n}行")).count(), 1, "row {n}");
    }
    assert!(pages[last].contains("20.00"));
}

#[test]
fn a_bill_in_english_and_an_empty_one_can_be_written() {
    let pdf = write_bill(Locale::en, &bill(Vec::new()), &BTreeMap::new(), &subscriber()).unwrap();
    let Some(text) = read(&pdf) else { return };
    assert!(text.contains("0.00") && text.contains("13800000001"), "{text}");
}
