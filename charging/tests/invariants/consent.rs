//! Invariant 6: consent evidence is a hash chain per subscriber. And what a yes must be.

use std::collections::BTreeMap;

use charging::consent::chain::hash;
use charging::consent::store::links;
use charging::consent::{Evidence, Method, NewConsent, Subject};
use serde_json::{Value, json};

use super::{Broken, DENIED, NOT_NULL, accepted, execute, refused};
use crate::world::{ADDON, at};

/// A consent as SQL; every part can be spoilt.
#[derive(Clone)]
struct Row {
    columns: BTreeMap<&'static str, String>,
    evidence: Value,
    previous: Option<[u8; 32]>,
}

impl Row {
    /// The right next row: a yes on paper to the add-on.
    async fn next(broken: &Broken, subscriber_id: i64) -> Self {
        let mut conn = broken.app().acquire().await.unwrap();
        let chain = links(&mut conn, subscriber_id).await.unwrap();
        let seq = i32::try_from(chain.len()).unwrap() + 1;
        let previous = chain.last().map(|link| link.hash);
        let consent = NewConsent {
            subscriber_id,
            subject: Subject::Order {
                scheme_id: ADDON.parse().unwrap(),
                version: 1,
                recurring_price: "10.00".parse().unwrap(),
                one_off_price: "0.00".parse().unwrap(),
            },
            method: Method::Signature,
            channel_id: "hall".to_owned(),
            asked_at: at("2026-10-15T11:00:00+08:00"),
            agreed_at: at("2026-10-15T11:01:00+08:00"),
            request_id: None,
            reference: Some("slip 1".to_owned()),
            description: "流量加油包，每月10元".to_owned(),
            answer: "signed".to_owned(),
        };
        let evidence = serde_json::to_value(Evidence::new(&consent, seq).unwrap()).unwrap();
        let columns = BTreeMap::from([
            ("subscriber_id", subscriber_id.to_string()),
            ("seq", seq.to_string()),
            ("purpose", "'order'".to_owned()),
            ("scheme_id", format!("'{ADDON}'")),
            ("version", "1".to_owned()),
            ("recurring_price", "10.00".to_owned()),
            ("one_off_price", "0.00".to_owned()),
            ("cap", "null".to_owned()),
            ("method", "'signature'".to_owned()),
            ("channel_id", "'hall'".to_owned()),
            ("asked_at", "'2026-10-15T11:00:00+08:00'".to_owned()),
            ("agreed_at", "'2026-10-15T11:01:00+08:00'".to_owned()),
            ("request_id", "null".to_owned()),
            ("previous_seq", if seq == 1 { "null".to_owned() } else { (seq - 1).to_string() }),
        ]);
        Self { columns, evidence, previous }
    }

    fn with(mut self, column: &'static str, sql: &str) -> Self {
        self.columns.insert(column, sql.to_owned());
        self
    }

    fn saying(mut self, key: &str, value: Value) -> Self {
        self.evidence[key] = value;
        self
    }

    fn without(mut self, key: &str) -> Self {
        self.evidence.as_object_mut().unwrap().remove(key);
        self
    }

    fn after(mut self, previous: Option<[u8; 32]>) -> Self {
        self.previous = previous;
        self
    }

    fn sql(mut self) -> String {
        let evidence = self.evidence.to_string();
        let bytes = |bytes: &[u8]| format!("'\\x{}'", hex(bytes));
        self.columns.insert("evidence", bytes(evidence.as_bytes()));
        self.columns.insert("previous_hash", self.previous.map_or("null".to_owned(), |previous| bytes(&previous)));
        let hash = hash(self.previous.as_ref(), evidence.as_bytes());
        self.columns.entry("hash").or_insert_with(|| bytes(&hash));
        let (names, values): (Vec<&str>, Vec<String>) = self.columns.into_iter().unzip();
        format!("insert into consent ({}) values ({})", names.join(", "), values.join(", "))
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[tokio::test]
async fn the_chain_cannot_be_broken() {
    let broken = Broken::new().await;
    let good = Row::next(&broken, broken.a).await;
    accepted(broken.app(), &good.clone().sql()).await;
    let other = Row::next(&broken, broken.b).await;
    let zeros = Some([0; 32]);
    let attempts = [
        (
            "a row twice",
            good.clone().with("seq", "1").saying("seq", json!(1)).with("previous_seq", "null").after(None),
            "consent_pkey",
        ),
        (
            "a row in the middle",
            good.clone().with("seq", "2").saying("seq", json!(2)).with("previous_seq", "1"),
            "consent_pkey",
        ),
        ("a row left out", good.clone().with("seq", "4").saying("seq", json!(4)), "consent_chain_step"),
        (
            "a row left out, naming no existing one",
            good.clone().with("seq", "5").saying("seq", json!(5)).with("previous_seq", "4"),
            "consent_chain",
        ),
        ("another hash before it", good.clone().after(zeros), "consent_chain"),
        ("the chain of another subscriber", good.clone().after(other.previous), "consent_chain"),
        ("no row before it", good.clone().with("previous_seq", "null").after(None), "consent_chain_step"),
        ("a hash of something else", good.clone().with("hash", "sha256('x')"), "consent_hash"),
        ("the hash without the row before", good.clone().with("hash", "sha256(''::bytea)"), "consent_hash"),
    ];
    let attempts = attempts.map(|(what, row, by)| (what, row.sql(), by));
    refused(broken.app(), &attempts).await;
    refused(
        broken.app(),
        &[
            ("altered evidence", "update consent set evidence = 'x'".to_owned(), DENIED),
            ("altered hash", "update consent set hash = sha256('x')".to_owned(), DENIED),
            ("a deleted row", "delete from consent where seq = 1".to_owned(), DENIED),
            ("an emptied table", "truncate consent cascade".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn evidence_says_what_the_columns_say() {
    let broken = Broken::new().await;
    let good = Row::next(&broken, broken.a).await;
    let matches = "consent_evidence_matches";
    let attempts = [
        ("another subscriber", good.clone().saying("subscriber_id", json!(broken.b)), matches),
        ("another place", good.clone().saying("seq", json!(9)), matches),
        ("another tariff", good.clone().saying("scheme_id", json!("26MB900005")), matches),
        ("another version", good.clone().saying("version", json!(2)), matches),
        ("another price", good.clone().saying("recurring_price", json!("9.00")), matches),
        ("a price in other words", good.clone().saying("recurring_price", json!("10")), matches),
        ("another price once", good.clone().saying("one_off_price", json!("1.00")), matches),
        ("a cap beside it", good.clone().saying("cap", json!("1.00")), matches),
        ("another way", good.clone().saying("method", json!("sms_code")), matches),
        ("another channel", good.clone().saying("channel_id", json!("web")), matches),
        ("another time", good.clone().saying("agreed_at", json!("2026-10-15T03:02:00.000000Z")), matches),
        ("another time of asking", good.clone().saying("asked_at", json!("2026-10-15T02:59:00.000000Z")), matches),
        ("no time", good.clone().without("agreed_at"), matches),
        ("no time of asking", good.clone().without("asked_at"), matches),
        ("no text", good.clone().without("description"), matches),
        ("an empty text", good.clone().saying("description", json!("")), matches),
        ("no answer", good.clone().without("answer"), matches),
        ("no scheme", good.clone().without("scheme_id"), matches),
        ("neither request nor reference", good.clone().saying("reference", json!(null)), "consent_names_its_proof"),
        (
            "agreed before asked",
            good.clone()
                .with("agreed_at", "'2026-10-15T10:00:00+08:00'")
                .saying("agreed_at", json!("2026-10-15T02:00:00.000000Z")),
            "consent_in_time",
        ),
        (
            "no such version",
            good.clone().with("version", "7").saying("version", json!(7)),
            "consent_scheme_id_version_fkey",
        ),
        ("no subject", good.clone().with("scheme_id", "null").saying("scheme_id", json!(null)), "consent_subject"),
        (
            "a way that is none",
            good.clone().with("method", "'click'").saying("method", json!("click")),
            "consent_method_check",
        ),
        ("no evidence", good.clone().with("hash", "null"), NOT_NULL),
    ];
    let attempts = attempts.map(|(what, row, by)| (what, row.sql(), by));
    refused(broken.app(), &attempts).await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_yes_answers_what_was_asked_once_and_in_time() {
    let broken = Broken::new().await;
    let (a, b) = (broken.a, broken.b);
    let request = |subscriber_id: i64, price: &str, asked: &str| {
        format!(
            "insert into consent_request (subscriber_id, purpose, scheme_id, version, recurring_price, one_off_price,
                description, channel_id, asked_by, asked_at, expires_at)
            values ({subscriber_id}, 'order', '{ADDON}', 1, {price}, 0.00, '流量加油包', 'web', 'subscriber', '{asked}',
                timestamptz '{asked}' + interval '10 minutes') returning request_id"
        )
    };
    let mut conn = broken.app().acquire().await.unwrap();
    let asked = "2026-10-15T11:00:00+08:00";
    for sql in [
        request(a, "10.00", asked),
        request(a, "9.00", asked),
        request(b, "10.00", asked),
        request(a, "10.00", "2026-10-15T10:00:00+08:00"),
    ] {
        execute(&mut conn, &sql).await.unwrap();
    }
    drop(conn);
    let by_code = |row: &Row| row.clone().with("method", "'sms_code'").saying("method", json!("sms_code"));
    let answering = |row: &Row, request_id: &str| by_code(row).with("request_id", request_id);
    let good = Row::next(&broken, a).await;
    accepted(broken.app(), &answering(&good, "1").sql()).await;
    let late = answering(&good, "1")
        .with("agreed_at", "'2026-10-15T11:10:01+08:00'")
        .saying("agreed_at", json!("2026-10-15T03:10:01Z"));
    let twice = format!(
        "{}; {}",
        answering(&good, "1").sql(),
        answering(&good, "1")
            .with("seq", "4")
            .saying("seq", json!(4))
            .with("previous_seq", "3")
            .after(Some(hash(good.previous.as_ref(), good.evidence.to_string().as_bytes())))
            .sql()
    );
    refused(
        broken.app(),
        &[
            ("a request for another price", answering(&good, "2").sql(), "consent_answers_order"),
            ("the request of another subscriber", answering(&good, "3").sql(), "consent_subscriber_id_request_id_fkey"),
            ("a request asked at another time", answering(&good, "4").sql(), "consent_answers_order"),
            ("a request that is none", answering(&good, "99").sql(), "consent_subscriber_id_request_id_fkey"),
            ("after ten minutes", late.sql(), "consent_in_time"),
            ("twice", twice, "consent_request_once"),
            ("a request altered afterwards", "update consent_request set description = 'x'".to_owned(), DENIED),
            ("a request for longer", "update consent_request set expires_at = 'infinity'".to_owned(), DENIED),
            ("a request deleted", "delete from consent_request".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_signature_is_there_and_signs_one_request() {
    let broken = Broken::new().await;
    let (a, b) = (broken.a, broken.b);
    let asked = "2026-10-15T11:00:00+08:00";
    let request = |subscriber_id: i64| {
        format!(
            "insert into consent_request (subscriber_id, purpose, scheme_id, version, recurring_price, one_off_price,
                description, channel_id, asked_by, asked_at, expires_at)
            values ({subscriber_id}, 'order', '{ADDON}', 1, 10.00, 0.00, '流量加油包', 'web', 'subscriber', '{asked}',
                timestamptz '{asked}' + interval '10 minutes')"
        )
    };
    let draw = |subscriber_id: i64, request_id: i64, strokes: &str, of: &str| {
        format!(
            "insert into signature (subscriber_id, request_id, strokes, strokes_sha256)
            values ({subscriber_id}, {request_id}, '{strokes}', sha256('{of}'))"
        )
    };
    let mut conn = broken.app().acquire().await.unwrap();
    for sql in [request(a), request(a), request(b), draw(a, 1, "[[1,2]]", "[[1,2]]"), draw(b, 3, "[[3,4]]", "[[3,4]]")]
    {
        execute(&mut conn, &sql).await.unwrap();
    }
    let digest = |strokes: &str| {
        use sha2::Digest;
        hex(&sha2::Sha256::digest(strokes))
    };
    drop(conn);
    let good = Row::next(&broken, a).await.with("request_id", "1");
    let signed = |row: &Row, digest: &str| {
        let row = row.clone().with("strokes_sha256", &format!("'\\x{digest}'"));
        row.saying("strokes_sha256", json!(digest)).saying("answer", json!("signed 123456"))
    };
    let (own, others) = (digest("[[1,2]]"), digest("[[3,4]]"));
    accepted(broken.app(), &signed(&good, &own).sql()).await;
    accepted(broken.app(), &good.clone().saying("signed_name", json!("张三")).sql()).await;
    let typed_too = signed(&good, &own).saying("signed_name", json!("张三"));
    let by_code = signed(&good, &own).with("method", "'sms_code'").saying("method", json!("sms_code"));
    refused(
        broken.app(),
        &[
            ("signed by nothing", good.clone().sql(), "consent_signed"),
            ("strokes that are nowhere", signed(&good, &digest("x")).sql(), "consent_strokes"),
            ("strokes of somebody else", signed(&good, &others).sql(), "consent_strokes"),
            ("strokes of another request", signed(&good, &own).with("request_id", "2").sql(), "consent_strokes"),
            (
                "other strokes than the evidence says",
                signed(&good, &own).saying("strokes_sha256", json!(others)).sql(),
                "consent_signed",
            ),
            (
                "strokes that only the evidence has",
                good.clone().saying("strokes_sha256", json!(own)).sql(),
                "consent_signed",
            ),
            (
                "drawn without the code",
                signed(&good, &own).saying("answer", json!("signed")).sql(),
                "consent_drawn_with_code",
            ),
            ("drawn and typed", typed_too.sql(), "consent_signed"),
            ("signed, and by code", by_code.sql(), "consent_signed"),
            ("strokes with another digest", draw(a, 2, "[[5,6]]", "[[1,2]]"), "signature_digest"),
            ("the same strokes again", draw(a, 2, "[[1,2]]", "[[1,2]]"), "signature_once"),
            ("two signatures to one request", draw(a, 1, "[[5,6]]", "[[5,6]]"), "signature_pkey"),
            (
                "the request of another subscriber",
                draw(a, 3, "[[5,6]]", "[[5,6]]"),
                "signature_subscriber_id_request_id_fkey",
            ),
        ],
    )
    .await;
    broken.world.db.drop().await;
}
