use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::tariff::clarity::{Element, Rule};
use crate::tariff::own_format;

/// A plan that anybody understands.
pub(super) fn clear() -> DraftForm {
    let text = |text: &str| text.to_owned();
    DraftForm {
        scheme_id: text("26MB900777"),
        name: text("明白 39"),
        kind: text("plan"),
        audience: text("所有用户"),
        regions: text("全国"),
        channels: text("网上营业厅\r\n营业厅"),
        on_sale_from: text("2026-11-01"),
        on_sale_until: text("2027-12-31"),
        validity: text("长期有效，每月自动续，退订前一直收"),
        commitment: text("无"),
        cancel: text("网上营业厅、营业厅、短信 10086，月底停"),
        penalty: text("无"),
        restrictions: text("仅限境内使用"),
        has_terms: text("on"),
        monthly: text("３９"),
        first_month: text("daily"),
        cancel_effective: text("month_end"),
        allowances: vec![AllowanceRow { service: text("data"), quantity: text("10 gb"), ..AllowanceRow::default() }],
        overage: vec![OverageRow {
            service: text("data"),
            model: text("unit"),
            price: text("0.03"),
            unit: text("1MB"),
            ..OverageRow::default()
        }],
        ..DraftForm::default()
    }
}

fn faults(form: &DraftForm) -> Vec<(String, Fault)> {
    check(form).problems.into_iter().map(|problem| (problem.field, problem.fault)).collect()
}

#[test]
fn a_clear_form_comes_to_a_tariff_and_back() {
    let checked = check(&clear().tidied());
    assert_eq!((checked.problems.as_slice(), checked.findings.as_slice()), (&[][..], &[][..]));
    let content = &checked.content;
    assert_eq!(content.terms.as_ref().unwrap().recurring_price().to_string(), "39");
    assert_eq!(content.channels, ["网上营业厅", "营业厅"]);
    let again = check(&DraftForm::of_content(content));
    assert_eq!(again.content.digest(), content.digest());
    assert_eq!(can_submit(&checked, &BTreeMap::new()), Ok(vec![]));
}

#[test]
fn each_fault_is_told_at_its_field() {
    let with = |change: fn(&mut DraftForm)| {
        let mut form = clear();
        change(&mut form);
        faults(&form)
    };
    let one = |field: &str, fault: Fault| vec![(field.to_owned(), fault)];
    assert_eq!(with(|f| f.scheme_id = "39".to_owned()), one("scheme_id", Fault::SchemeId));
    assert_eq!(with(|f| f.scheme_id.clear()), one("scheme_id", Fault::Missing));
    assert_eq!(with(|f| f.name = " ".to_owned()), one("name", Fault::Missing));
    assert_eq!(with(|f| f.name = "名".repeat(201)), one("name", Fault::TooLong(200)));
    assert_eq!(with(|f| f.kind = "gift".to_owned()), one("kind", Fault::Choice));
    assert_eq!(with(|f| f.regions = "、".to_owned()), one("regions", Fault::Missing));
    assert_eq!(with(|f| f.on_sale_from.clear()), one("on_sale_from", Fault::Missing));
    assert_eq!(with(|f| f.on_sale_until = "2026-02-30".to_owned()), one("on_sale_until", Fault::Day));
    assert_eq!(with(|f| f.on_sale_until = "2026-01-01".to_owned()), one("on_sale_until", Fault::Order));
    assert_eq!(with(|f| f.monthly = "39.999".to_owned()), one("monthly", Fault::Amount(2)));
    assert_eq!(with(|f| f.first_month = "free".to_owned()), one("first_month", Fault::Choice));
    let row = "allowances[0][quantity]";
    assert_eq!(with(|f| f.allowances[0].quantity = "10".to_owned()), one(row, Fault::Quantity));
    assert_eq!(with(|f| f.allowances[0].quantity.clear()), one(row, Fault::Missing));
    let voice = |f: &mut DraftForm| {
        f.allowances[0] = AllowanceRow {
            service: "voice".to_owned(),
            quantity: "100min".to_owned(),
            rating_groups: "7".to_owned(),
            rollover: "on".to_owned(),
        };
    };
    let data_only = |name: &str| (format!("allowances[0][{name}]"), Fault::DataOnly);
    assert_eq!(with(voice), [data_only("rating_groups"), data_only("rollover")]);
    assert_eq!(with(|f| f.overage[0].unit = "0MB".to_owned()), one("overage[0][unit]", Fault::Quantity));
    assert_eq!(with(|f| f.overage.push(f.overage[0].clone())), one("overage[1][service]", Fault::Twice));
    let ladder = |f: &mut DraftForm| {
        f.overage[0].model = "ladder".to_owned();
        (f.overage[0].block_price, f.overage[0].block) = ("0.01".to_owned(), "1GB".to_owned());
    };
    assert_eq!(with(ladder), one("overage[0][block_price]", Fault::Ladder));
    let bound = |f: &mut DraftForm| {
        (f.commitment_months, f.penalty_model) = ("12".to_owned(), "fixed".to_owned());
        f.penalty_price = "60".to_owned();
    };
    assert_eq!(with(bound), [("commitment".to_owned(), Fault::Unsaid), ("penalty".to_owned(), Fault::Unsaid)]);
}

#[test]
fn what_the_rules_call_an_error_blocks_and_a_warning_wants_a_reason() {
    let mut form = clear();
    "具体以当地营业厅为准".clone_into(&mut form.notes);
    "仅限境内使用。趸交".clone_into(&mut form.restrictions);
    let checked = check(&form);
    assert!(checked.findings.iter().any(|finding| finding.rule == Rule::VagueTerm));
    assert!(matches!(can_submit(&checked, &BTreeMap::new()), Err(Unready::Errors(1..))));
    form.notes.clear();
    let checked = check(&form);
    let jargon = checked.warnings().next().expect("趸交 is jargon").clone();
    assert_eq!(jargon.rule, Rule::Jargon);
    let reasons = |reason: &str| BTreeMap::from([(reason_key(&jargon), reason.to_owned())]);
    assert_eq!(can_submit(&checked, &BTreeMap::new()), Err(Unready::NoReason(1)));
    assert_eq!(can_submit(&checked, &reasons(" \n")), Err(Unready::NoReason(1)));
    assert_eq!(can_submit(&checked, &reasons(&"长".repeat(501))), Err(Unready::LongReason));
    let judged = can_submit(&checked, &reasons(" 合同里就这么写 ")).unwrap();
    assert_eq!((judged[0].rule.as_str(), judged[0].reason.as_str()), ("jargon", "合同里就这么写"));
}

#[test]
fn texts_are_not_held_against_terms_that_cannot_be_read() {
    let mut form = clear();
    "59元/月".clone_into(&mut form.price_text);
    assert!(check(&form).findings.iter().any(|finding| finding.rule == Rule::PriceDiffers));
    "三十九".clone_into(&mut form.monthly);
    let checked = check(&form);
    assert_eq!(checked.problems.len(), 1);
    assert!(checked.findings.iter().all(|finding| finding.rule != Rule::PriceDiffers));
    assert!(checked.findings.iter().all(|finding| finding.element != Element::Services));
}

#[test]
fn rows_come_and_go() {
    let mut form = clear();
    for name in ["add_allowance", "add_overage", "remove_overage:0", "remove_allowance:9"] {
        form.change_rows(RowChange::named(name).expect(name));
    }
    assert_eq!((form.allowances.len(), form.overage.len()), (2, 1));
    assert_eq!(form.overage[0].price, "", "the first one went");
    assert_eq!(RowChange::named("remove_all"), None);
}

#[test]
fn states_and_verdicts_are_known_by_their_names() {
    for state in State::ALL {
        assert_eq!(State::named(state.as_str()), Some(state));
        assert!(!(state.is_open() && state.is_submitted()), "{state:?}");
    }
    assert_eq!(State::named("lost"), None);
    assert_eq!(Verdict::named("returned"), Some(Verdict::Returned));
    assert_eq!(Verdict::named("waiting"), None);
}

#[test]
fn what_goes_live_does_so_from_now_on_and_within_a_year() {
    let now: DateTime<Utc> = "2026-10-15T12:00:30+08:00".parse().unwrap();
    assert_eq!(go_live_at(None, now), Ok(now));
    assert_eq!(go_live_at(Some(now - TimeDelta::seconds(30)), now), Ok(now), "the minute that has begun");
    assert_eq!(go_live_at(Some(now - TimeDelta::seconds(60)), now), Err(Unready::Past));
    let later = now + TimeDelta::days(30);
    assert_eq!(go_live_at(Some(later), now), Ok(later));
    assert_eq!(go_live_at(Some(now + TimeDelta::days(367)), now), Err(Unready::TooFarAhead));
}

proptest! {
    #[test]
    fn no_form_whatever_breaks_the_check(json in "[ -~\\p{Han}０-９]{0,12}", n in 0_usize..4) {
        let mut form = clear();
        for text in [&mut form.scheme_id, &mut form.monthly, &mut form.on_sale_from, &mut form.commitment_months, &mut form.regions] {
            json.clone_into(text);
        }
        form.allowances = vec![AllowanceRow { service: "data".to_owned(), quantity: json.clone(), ..AllowanceRow::default() }; n];
        let checked = check(&form);
        // What is called sound is what tariff files accept.
        if checked.problems.is_empty() {
            let tariff = crate::tariff::TariffVersion {
                version: 1,
                published_at: DateTime::UNIX_EPOCH,
                orderable_from: DateTime::UNIX_EPOCH,
                content: checked.content.clone(),
            };
            let read = own_format::parse(&own_format::write(&tariff)).map_err(TestCaseError::fail)?;
            prop_assert_eq!(read.content.digest(), checked.content.digest());
        }
    }
}
