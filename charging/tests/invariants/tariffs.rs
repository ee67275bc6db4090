//! Our own tariffs: written, approved by somebody else, public at their time, sold later, and to the letter what was approved.

use charging::testing::TestDatabase;
use sqlx::AssertSqlSafe;

use super::{Attempt, DENIED, accepted, refused};

/// What the drafts below say.
const CONTENT: &str = r#"{"scheme_id":"26MB900777","operator_id":"mingbai","name":"明白 39","kind":"plan","audience":"所有用户",
    "regions":["全国"],"channels":["营业厅"],"on_sale_from":"2026-10-01","on_sale_until":"2027-12-31","validity":"长期",
    "commitment":"无","cancel":"随时","penalty":"无","restrictions":[],"notes":"","price_text":"","services_text":"",
    "overage_text":"","category":"","included":{"broadband":""},
    "terms":{"recurring":{"price":"39.00","first_month":"full"},"one_off":"0.00","cancel_effective":"month_end"}}"#;

fn submission(draft_id: i64, authors: &str, by: i64, findings: &str) -> String {
    format!(
        "insert into tariff_submission (draft_id, revision, authors, scheme_id, base_version, content, content_digest, findings,
            go_live_at, lead_seconds, submitted_by, submitted_at)
        values ({draft_id}, 2, '{authors}', '26MB900777', 0, convert_to('{CONTENT}', 'UTF8'),
            sha256(convert_to('{CONTENT}', 'UTF8')), '{findings}', '2026-10-15 12:00+08', 3600, {by}, '2026-10-10 12:00+08')"
    )
}

fn decision(submission_id: i64, verdict: &str, by: i64) -> String {
    format!(
        "insert into tariff_decision (submission_id, verdict, authors, scheme_id, base_version, content_digest, go_live_at,
            lead_seconds, comment, decided_by, decided_at)
        select submission_id, '{verdict}', authors, scheme_id, base_version, content_digest, go_live_at, lead_seconds, 'x',
            {by}, '2026-10-11 12:00+08' from tariff_submission where submission_id = {submission_id}"
    )
}

/// The version as the server publishes it.
fn version(submission_id: i64) -> String {
    format!(
        "insert into tariff_version (scheme_id, version, published_at, orderable_from, name, kind, regions, audience, channels,
            on_sale_from, on_sale_until, validity, commitment, cancel, penalty, restrictions, notes, price_text,
            services_text, overage_text, category, included, terms, recurring_price, one_off_price, content_digest,
            approval, base_version, go_live_at, lead_seconds, decided_at, approved_content)
        select s.scheme_id, s.base_version + 1, s.go_live_at, s.go_live_at + interval '1 hour', c.name, c.kind, c.regions,
            c.audience, c.channels, c.on_sale_from, c.on_sale_until, c.validity, c.commitment, c.cancel, c.penalty,
            c.restrictions, c.notes, c.price_text, c.services_text, c.overage_text, c.category, c.included, c.terms, 39, 0,
            s.content_digest, s.submission_id, s.base_version, s.go_live_at, s.lead_seconds, d.decided_at, s.content
        from tariff_submission s left join tariff_decision d using (submission_id),
            jsonb_populate_record(null::tariff_version, convert_from(s.content, 'UTF8')::jsonb) as c
        where s.submission_id = {submission_id}"
    )
}

/// 1 wrote the first revision of draft 1 and 2 the second, which is submitted (1, approved by 3; 2, still waiting).
async fn office() -> TestDatabase {
    let db = TestDatabase::create().await;
    let made = [
        "insert into staff (login, name, created_at) select 'staff.' || n, 'x', now() from generate_series(1, 4) n".to_owned(),
        "insert into tariff_draft (created_by, created_at) values (1, now())".to_owned(),
        "insert into tariff_draft_revision (draft_id, revision, form, authors, written_by, written_at)
            values (1, 1, '{}', '{1}', 1, now())"
            .to_owned(),
        "insert into tariff_draft_revision (draft_id, revision, form, authors, written_by, written_at, previous_revision,
            previous_authors) values (1, 2, '{}', '{1,2}', 2, now(), 1, '{1}')"
            .to_owned(),
        submission(1, "{1,2}", 2, "[]"),
        decision(1, "approved", 3),
        submission(1, "{1,2}", 1, "[]"),
        "insert into tariff (scheme_id, operator_id, first_seen_at) values ('26MB900777', 'mingbai', now())".to_owned(),
    ];
    for sql in made {
        sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&db.app).await.unwrap_or_else(|e| panic!("{e}\n{sql}"));
    }
    db
}

#[tokio::test]
async fn nobody_drops_out_of_a_draft_and_nothing_is_written_over() {
    let db = office().await;
    let third = |authors: &str, by: i64, revision: i32, previous: &str| {
        format!(
            "insert into tariff_draft_revision (draft_id, revision, form, authors, written_by, written_at,
                previous_revision, previous_authors)
            values (1, {revision}, '{{}}', '{authors}', {by}, now(), {previous})"
        )
    };
    let before = "2, '{1,2}'";
    accepted(&db.app, &third("{1,2,3}", 3, 3, before)).await;
    let attempts: Vec<Attempt> = vec![
        ("over what somebody else saved", third("{1,2}", 2, 2, "1, '{1}'"), "tariff_draft_revision_pkey"),
        ("without its first author", third("{2}", 2, 3, before), "tariff_draft_chain_step"),
        ("with other authors before it", third("{2}", 2, 3, "2, '{2}'"), "tariff_draft_chain"),
        ("with nobody before it", third("{2}", 2, 3, "null, null"), "tariff_draft_chain_step"),
        ("by somebody who is not named", third("{1,2}", 3, 3, before), "tariff_draft_written_by_author"),
        ("with one left out", third("{1,2}", 2, 4, before), "tariff_draft_chain_step"),
        ("by nobody known", third("{1,2,NULL}", 3, 3, before), "tariff_draft_authors_known"),
        ("changed", "update tariff_draft_revision set authors = '{4}'".to_owned(), DENIED),
        ("deleted", "delete from tariff_draft_revision".to_owned(), DENIED),
        ("a submission changed", "update tariff_submission set content = ''".to_owned(), DENIED),
        ("a decision changed", "update tariff_decision set decided_by = 4".to_owned(), DENIED),
    ];
    refused(&db.app, &attempts).await;
    db.drop().await;
}

#[tokio::test]
async fn an_error_is_not_submitted_nor_a_warning_without_a_reason() {
    let db = office().await;
    let with = |findings: &str| submission(1, "{1,2}", 2, findings);
    accepted(&db.app, &with(r#"[{"rule":"jargon","severity":"warning","reason":"合同用词"}]"#)).await;
    let by = "tariff_submission_reasons";
    let good = with("[]");
    refused(
        &db.app,
        &[
            ("an error", with(r#"[{"severity":"error","reason":"x"}]"#), "tariff_submission_no_error"),
            (
                "an error beside a warning",
                with(r#"[{"severity":"warning","reason":"x"},{"severity":"error","reason":"x"}]"#),
                "tariff_submission_no_error",
            ),
            ("of a numbered severity", with(r#"[{"severity":1,"reason":"x"}]"#), "tariff_submission_no_error"),
            (
                "of two severities",
                with(r#"[{"severity":["warning","error"],"reason":"x"}]"#),
                "tariff_submission_no_error",
            ),
            ("in a list of its own", with(r#"[[{"severity":"warning","reason":"x"}]]"#), "tariff_submission_no_error"),
            ("with two reasons", with(r#"[{"severity":"warning","reason":["x"]}]"#), by),
            ("of no severity", with(r#"[{"reason":"x"}]"#), "tariff_submission_no_error"),
            ("without a reason", with(r#"[{"severity":"warning"}]"#), by),
            ("with an empty reason", with(r#"[{"severity":"warning","reason":" "}]"#), by),
            (
                "the second without a reason",
                with(r#"[{"severity":"warning","reason":"x"},{"severity":"warning","reason":""}]"#),
                by,
            ),
            ("by somebody who wrote nothing", submission(1, "{1,2}", 4, "[]"), "tariff_submission_by_author"),
            ("with an author left out", submission(1, "{2}", 2, "[]"), "tariff_submission_draft"),
            ("sold when it appears", good.replace("3600", "0"), "tariff_submission_public_first"),
            (
                "with another digest",
                good.replace("sha256(convert_to(", "sha256(convert_to('x' || "),
                "tariff_submission_digest",
            ),
            ("for another operator", good.replace(r#""mingbai""#, r#""mobile""#), "tariff_submission_content"),
        ],
    )
    .await;
    db.drop().await;
}

#[tokio::test]
async fn who_wrote_a_draft_is_known() {
    let db = office().await;
    let first = |authors: &str, by: i64| {
        format!(
            "insert into tariff_draft (created_by, created_at) values (1, now());
            insert into tariff_draft_revision (draft_id, revision, form, authors, written_by, written_at)
            select max(draft_id), 1, '{{}}', '{authors}', {by}, now() from tariff_draft"
        )
    };
    accepted(&db.app, &first("{4}", 4)).await;
    refused(
        &db.app,
        &[
            ("nobody", first("{}", 4), "tariff_draft_written_by_author"),
            ("nobody known", first("{NULL}", 4), "tariff_draft_authors_known"),
            ("somebody and nobody known", first("{4,NULL}", 4), "tariff_draft_authors_known"),
            ("submitted for nobody known", submission(1, "{NULL}", 4, "[]"), "tariff_submission_by_author"),
            (
                "decided for nobody known",
                decision(2, "approved", 4).replace("'approved', authors", "'approved', '{NULL}'::bigint[]"),
                "tariff_decision_by_another",
            ),
        ],
    )
    .await;
    db.drop().await;
}

#[tokio::test]
async fn no_one_approves_their_own_work() {
    let db = office().await;
    accepted(&db.app, &decision(2, "approved", 3)).await;
    let other = decision(2, "approved", 3);
    refused(
        &db.app,
        &[
            ("who submitted it", decision(2, "approved", 1), "tariff_decision_by_another"),
            ("who wrote in it", decision(2, "approved", 2), "tariff_decision_by_another"),
            (
                "who wrote in it, left out of the authors",
                decision(2, "approved", 1).replace("'approved', authors", "'approved', '{2}'::bigint[]"),
                "tariff_decision_submission",
            ),
            (
                "of other content",
                other.replace(
                    "base_version, content_digest, go_live_at, lead_seconds, 'x'",
                    "base_version, sha256('y'), go_live_at, lead_seconds, 'x'",
                ),
                "tariff_decision_submission",
            ),
            ("at another time", other.replace("lead_seconds, 'x'", "1, 'x'"), "tariff_decision_submission"),
            ("twice", decision(1, "returned", 3), "tariff_decision_pkey"),
        ],
    )
    .await;
    db.drop().await;
}

#[tokio::test]
async fn nothing_of_ours_is_public_without_approval() {
    let db = office().await;
    let good = version(1);
    accepted(&db.app, &good).await;
    let decided = "tariff_version_as_decided";
    let said = "tariff_version_as_approved";
    let approval = "tariff_version_approval";
    refused(
        &db.app,
        &[
            ("not decided yet", version(2), "tariff_version_provenance"),
            (
                "not decided, and called so",
                version(2).replace("d.decided_at, s.content", "s.submitted_at, s.content"),
                approval,
            ),
            (
                "without an approval",
                good.replace(
                    "s.submission_id, s.base_version, s.go_live_at, s.lead_seconds, d.decided_at, s.content\n",
                    "null, null, null, null, null, null\n",
                ),
                "tariff_version_provenance",
            ),
            (
                "called imported",
                good.replace("(scheme_id, version, pub", "(imported, scheme_id, version, pub")
                    .replace("select s.scheme_id", "select true, s.scheme_id"),
                DENIED,
            ),
            (
                "before its time",
                good.replace(
                    "s.go_live_at, s.go_live_at + interval '1 hour'",
                    "s.go_live_at - interval '1 second', s.go_live_at + interval '59:59'",
                ),
                decided,
            ),
            (
                "under another time of its approval",
                good.replace("d.decided_at, s.content\n", "d.decided_at - interval '1 day', s.content\n"),
                approval,
            ),
            (
                "before its approval",
                format!("{}; {}", decision(2, "approved", 3).replace("10-11", "10-16"), version(2)),
                decided,
            ),
            ("sold sooner", good.replace("interval '1 hour'", "interval '1 minute'"), decided),
            ("after another version", good.replace("s.base_version + 1,", "2,"), decided),
            (
                "at another price",
                good.replace("c.terms, 39", r#"c.terms || '{"recurring":{"price":"95.00","first_month":"full"}}', 95"#),
                said,
            ),
            (
                "at a price that the terms do not say",
                good.replace("c.terms, 39", "c.terms, 95"),
                "tariff_version_price_is_terms",
            ),
            ("under another name", good.replace("c.name", "c.name || '!'"), said),
            ("with another restriction", good.replace("c.restrictions", "array['x']"), said),
            ("with other bytes", good.replace("d.decided_at, s.content\n", "d.decided_at, 'x'\n"), said),
            (
                "with another digest",
                good.replace("39, 0,\n            s.content_digest", "39, 0,\n            sha256('x')"),
                said,
            ),
        ],
    )
    .await;
    let twice = format!("{good}; {}", good.replace("s.base_version + 1,", "s.base_version + 1 + 0,"));
    refused(&db.app, &[("twice", twice, "tariff_version_pkey")]).await;
    db.drop().await;
}
