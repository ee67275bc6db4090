//! One changed byte is found: in the database by the audit, in a downloaded file by the file itself.

use charging::audit::audit;
use charging::consent::incoming::{Handled, incoming};
use charging::consent::key::{SigningKey, public_keys, signing_key};
use charging::consent::proof::{Proof, Sound, Unsound, check, read_key, seal, write};
use charging::consent::request::Given;
use charging::consent::{Evidence, chain};
use charging::order::flow::confirm;
use charging::subscriber::Msisdn;
use rand_chacha::rand_core::RngCore;
use sqlx::AssertSqlSafe;

use crate::signing::{DRAWN, strokes};
use crate::world::{ADDON, PACK, PLAN, World, now};
use crate::{later, rng};

/// Tables whose rows are proof, and are altered here.
const TABLES: [&str; 6] = ["consent", "consent_request", "incoming_sms", "signature", "product_order", "subscription"];

/// What the owner of the tables alters; each must be found. `second` is the consent in the middle of the chain, signed by
/// hand; `last` is the last one, answered by SMS.
const ALTERATIONS: [(&str, &str); 41] = [
    ("the time of the answer", "update consent set agreed_at = agreed_at + interval '1 microsecond' where seq = 2"),
    ("the time of asking", "update consent set asked_at = asked_at - interval '1 second' where seq = 2"),
    ("the price", "update consent set recurring_price = recurring_price + 0.01 where seq = 2"),
    ("the price once", "update consent set one_off_price = one_off_price + 0.01 where seq = 2"),
    ("a cap beside the price", "update consent set cap = 1 where seq = 2"),
    ("the tariff", "update consent set scheme_id = '26MB900005' where seq = 2"),
    ("the version", "update consent set version = 2 where seq = 2"),
    ("the way", "update consent set method = 'sms_code' where seq = 2"),
    ("the channel", "update consent set channel_id = 'sms' where seq = 2"),
    ("the purpose", "update consent set purpose = 'cap' where seq = 2"),
    ("the subscriber", "update consent set subscriber_id = 99 where seq = 2"),
    ("the place", "update consent set seq = 9 where seq = 3"),
    ("the place before", "update consent set previous_seq = 2 where seq = 2"),
    ("the request", "update consent set request_id = null where seq = 2"),
    ("another request", "update consent set request_id = (select max(request_id) from consent_request) where seq = 2"),
    ("the digest of the strokes", "update consent set strokes_sha256 = sha256('x') where seq = 2"),
    ("no digest of the strokes", "update consent set strokes_sha256 = null where seq = 2"),
    ("a consent deleted at the end", "delete from consent where seq = 3"),
    ("a consent deleted at the beginning", "delete from consent where seq = 1"),
    (
        "evidence with its hash",
        "update consent set evidence = convert_to(replace(convert_from(evidence, 'UTF8'), '元', '角'), 'UTF8') where seq = 2;
         update consent set hash = sha256(previous_hash || evidence) where seq = 2",
    ),
    (
        "a text to the end of the chain, with every hash",
        "update consent set evidence = convert_to(replace(convert_from(evidence, 'UTF8'), '元', '角'), 'UTF8') where seq = 3;
         update consent set hash = sha256(previous_hash || evidence) where seq = 3",
    ),
    ("what was asked", "update consent_request set description = description || ' ' where request_id = 2"),
    ("when it was asked", "update consent_request set asked_at = asked_at + interval '1 microsecond' where request_id = 2"),
    ("how long it was open", "update consent_request set expires_at = 'infinity' where request_id = 2"),
    ("the price that was asked", "update consent_request set recurring_price = 95 where request_id = 2"),
    ("what became of it", "update consent_request set state = 'refused' where request_id = 2"),
    ("the way it was asked", "update consent_request set channel_id = 'hall' where request_id = 2"),
    ("the SMS that answered", "update incoming_sms set body = 'N'"),
    ("when that SMS came", "update incoming_sms set received_at = received_at - interval '1 microsecond'"),
    ("the id of that SMS", "update incoming_sms set message_id = 'another'"),
    ("who sent that SMS", "update incoming_sms set subscriber_id = 99"),
    ("the SMS deleted", "delete from incoming_sms"),
    (
        "the answer, with every hash",
        "update consent set evidence = convert_to(replace(convert_from(evidence, 'UTF8'), '\"answer\":\"y\"', '\"answer\":\"Y\"'), 'UTF8') where seq = 3;
         update consent set hash = sha256(previous_hash || evidence) where seq = 3",
    ),
    (
        "the way of the answer, with every hash",
        "update consent set channel_id = 'web', evidence = convert_to(replace(convert_from(evidence, 'UTF8'), '\"channel_id\":\"sms\"', '\"channel_id\":\"web\"'), 'UTF8') where seq = 3;
         update consent set hash = sha256(previous_hash || evidence) where seq = 3",
    ),
    ("the digest beside the strokes", "update signature set strokes_sha256 = sha256('x')"),
    ("the request of the strokes", "update signature set request_id = 3"),
    ("the strokes deleted", "delete from signature"),
    ("the price of the order", "update product_order set recurring_price = 95 where consent_seq = 2"),
    ("the tariff of the order", "update product_order set scheme_id = '26MB900005' where consent_seq = 2"),
    ("the price of the subscription", "update subscription set recurring_price = 95 where scheme_id = '26MB900004'"),
    ("the price once of the subscription", "update subscription set one_off_price = 95 where scheme_id = '26MB900004'"),
];

struct Tampered {
    world: World,
    subscriber_id: i64,
    signed_order: i64,
}

impl Tampered {
    /// Three consents: by code, by hand, by SMS; and the tables without anything that would refuse a change.
    async fn new() -> Self {
        let world = World::new().await;
        let a = world.subscriber(1).await;
        world.order(a, PLAN, now()).await.unwrap();
        let asked = world.ask(a, ADDON, later("1:00")).await.unwrap();
        let (drawn, code) = (strokes(DRAWN), world.code(a).await);
        let given = Given::Drawn { strokes: &drawn, code: &code };
        let signed = confirm(&world.db.app, a, asked.request_id, given, later("2:00")).await.unwrap();
        world.ask(a, PACK, later("3:00")).await.unwrap();
        let mut conn = world.db.app.acquire().await.unwrap();
        let handled = incoming(&mut conn, a, "reply 1", " y\n", later("4:00")).await.unwrap();
        assert!(matches!(handled, Handled::Ordered(_)), "{handled:?}");
        drop(conn);
        let this = Self { world, subscriber_id: a, signed_order: signed.order_id };
        this.run(
            "do $$ declare c record; begin
                for c in select conrelid::regclass as of, conname from pg_constraint
                    where contype = 'f' and connamespace = 'public'::regnamespace
                loop execute format('alter table %s drop constraint %I', c.of, c.conname); end loop;
                for c in select conrelid::regclass as of, conname from pg_constraint
                    where contype in ('c', 'u', 'x') and connamespace = 'public'::regnamespace
                        and conrelid::regclass::text in ('consent', 'consent_request', 'incoming_sms', 'signature', 'product_order', 'subscription')
                loop execute format('alter table %s drop constraint %I', c.of, c.conname); end loop;
            end $$;
            alter table subscription alter column chargeable drop expression",
        )
        .await;
        for table in TABLES {
            this.run(&format!("create table saved_{table} as table {table}")).await;
        }
        this
    }

    async fn run(&self, sql: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.world.db.owner).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn differences(&self) -> Vec<String> {
        let report = audit(&self.world.db.app, None, || ()).await.unwrap();
        report.described.into_iter().map(|difference| difference.what).collect()
    }

    /// Alters, audits, and puts everything back.
    async fn is_found(&self, sql: &str) -> bool {
        self.run(sql).await;
        let found = !self.differences().await.is_empty();
        for table in TABLES {
            let same = format!("(table {table} except all table saved_{table})");
            let back = format!("(table saved_{table} except all table {table})");
            let changed: bool = sqlx::query_scalar(AssertSqlSafe(format!("select exists {same} or exists {back}")))
                .fetch_one(&self.world.db.owner)
                .await
                .unwrap();
            if changed {
                self.run(&format!(
                    "delete from {table}; insert into {table} overriding system value table saved_{table}"
                ))
                .await;
            }
        }
        found
    }

    async fn bytes(&self, of: &str) -> usize {
        let length: i32 = sqlx::query_scalar(AssertSqlSafe(format!("select octet_length({of})")))
            .fetch_one(&self.world.db.owner)
            .await
            .unwrap();
        usize::try_from(length).unwrap()
    }
}

#[tokio::test]
async fn the_audit_finds_whatever_is_altered() {
    let tampered = Tampered::new().await;
    assert_eq!(tampered.differences().await, Vec::<String>::new(), "untouched");
    let mut missed = Vec::new();
    for (what, sql) in ALTERATIONS {
        if !tampered.is_found(sql).await {
            missed.push(what);
        }
    }
    assert_eq!(missed, Vec::<&str>::new());
    assert_eq!(tampered.differences().await, Vec::<String>::new(), "put back");
    tampered.world.db.drop().await;
}

#[tokio::test]
async fn the_audit_finds_one_flipped_bit_at_any_position() {
    let tampered = Tampered::new().await;
    assert_eq!(tampered.differences().await, Vec::<String>::new(), "untouched");
    let mut rng = rng(12);
    for (table, column, row, tries) in [
        ("consent", "evidence", "seq = 1", 40),
        ("consent", "evidence", "seq = 2", 80),
        ("consent", "evidence", "seq = 3", 40),
        ("consent", "hash", "seq = 1", 8),
        ("consent", "hash", "seq = 3", 8),
        ("consent", "previous_hash", "seq = 2", 8),
        ("consent", "strokes_sha256", "seq = 2", 8),
        ("signature", "strokes", "request_id = 2", 40),
        ("signature", "strokes_sha256", "request_id = 2", 8),
    ] {
        let length = tampered.bytes(&format!("(select {column} from {table} where {row})")).await;
        for i in 0..tries {
            // Spread over the whole, the ends included.
            let at = if i == 0 {
                0
            } else if i == 1 {
                length - 1
            } else {
                rng.next_u32() as usize % length
            };
            let mask = 1 << (rng.next_u32() % 8);
            let flip = format!(
                "update {table} set {column} = set_byte({column}, {at}, get_byte({column}, {at}) # {mask}) where {row}"
            );
            assert!(tampered.is_found(&flip).await, "{flip}");
        }
    }
    let length =
        tampered.bytes("(select convert_to(description, 'UTF8') from consent_request where request_id = 2)").await;
    assert!(length > 200);
    for _ in 0..40 {
        let at = rng.next_u32() % 100 + 1;
        let change = format!(
            "update consent_request set description = overlay(description placing '改' from {at} for 1)
             where request_id = 2 and substr(description, {at}, 1) <> '改'"
        );
        assert!(tampered.is_found(&change).await, "{change}");
    }
    tampered.world.db.drop().await;
}

impl Tampered {
    /// The evidence of the signed order as it is downloaded, and the key that signed it.
    async fn file(&self) -> (Vec<u8>, SigningKey) {
        let mut conn = self.world.db.app.acquire().await.unwrap();
        let key = signing_key(&mut conn, now(), &mut rng(1)).await.unwrap();
        let agreement = self.world.agreement(self.subscriber_id, self.signed_order).await;
        let msisdn: Msisdn = "13800000001".parse().unwrap();
        (write(&agreement, &msisdn, &key), key)
    }
}

#[tokio::test]
async fn a_file_proves_itself_and_one_flipped_bit_anywhere_is_found() {
    let tampered = Tampered::new().await;
    let (file, key) = tampered.file().await;
    let sound = check(&file, Some(key.public())).unwrap();
    assert_eq!(sound.proof.msisdn, "13800000001");
    assert_eq!((sound.evidence.seq, sound.evidence.recurring_price.as_deref()), (2, Some("10.00")));
    assert_eq!(sound.strokes, Some(strokes(DRAWN)));
    assert!(!sound.is_slip);
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            assert!(check(&flipped, None).is_err(), "byte {at} bit {bit}");
        }
        assert!(check(&file[..at], None).is_err(), "cut at {at}");
    }
    for wrapped in [[b" ", &file[..]].concat(), [&file[..], b"\n"].concat(), [&file[..], &file].concat()] {
        assert!(check(&wrapped, None).is_err());
    }
    tampered.world.db.drop().await;
}

#[tokio::test]
async fn a_sealed_slip_is_whole_and_by_the_operators_key() {
    let tampered = Tampered::new().await;
    let (proof, key) = tampered.file().await;
    let forger = SigningKey::from_seed(&[7; 32]).unwrap();
    let pdf = [b"%PDF-1.7\nshown\n", &proof[..], b"\nshown too\n%%EOF"].concat();
    let slip = seal(pdf.clone(), &proof, &key).unwrap();
    assert!(check(&slip, Some(key.public())).unwrap().is_slip);
    for at in 0..slip.len() {
        let mut flipped = slip.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(check(&flipped, None).is_err(), "byte {at}");
    }
    assert_eq!(check(&slip, Some(forger.public())), Err(Unsound::OtherKey));
    let resealed = seal(pdf.clone(), &proof, &forger).unwrap();
    assert_eq!(check(&resealed, None), Err(Unsound::OtherKey), "a true proof in a page of somebody else");
    assert_eq!(seal(pdf, b"not in it", &key), None);
    assert_eq!(check(b"%PDF-1.7\n%%EOF\n", None), Err(Unsound::Unreadable));
    assert_eq!(check(b"", None), Err(Unsound::Unreadable));

    let mut conn = tampered.world.db.app.acquire().await.unwrap();
    let again = signing_key(&mut conn, now(), &mut rng(2)).await.unwrap();
    assert_eq!(again.public(), key.public(), "made once");
    let public = public_keys(&mut conn).await.unwrap();
    assert_eq!(public, [key.public_hex()]);
    assert_eq!(read_key(&format!(" {}\n", public[0].to_uppercase())).unwrap(), *key.public());
    drop(conn);
    tampered.world.db.drop().await;
}

/// A file as a forger signs it, whole in itself.
fn forged(change: impl FnOnce(&mut Proof, &mut Evidence), sound: &Sound) -> Vec<u8> {
    let forger = SigningKey::from_seed(&[7; 32]).unwrap();
    let (mut proof, mut evidence) = (sound.proof.clone(), sound.evidence.clone());
    change(&mut proof, &mut evidence);
    let mut previous = [0; 32];
    hex::decode_to_slice(proof.previous_hash.as_deref().unwrap(), &mut previous).unwrap();
    proof.hash = hex::encode(chain::hash(Some(&previous), &evidence.canonical()));
    proof.evidence = String::from_utf8(evidence.canonical()).unwrap();
    proof.key = forger.public_hex();
    let proof = serde_json::to_string(&proof).unwrap();
    let signature = hex::encode(forger.sign(proof.as_bytes()));
    format!(r#"{{"proof":{proof},"signature":"{signature}"}}"#).into_bytes()
}

#[tokio::test]
async fn what_is_not_a_number_an_amount_or_a_time_is_no_evidence() {
    type Change = fn(&mut Proof, &mut Evidence);
    let tampered = Tampered::new().await;
    let (file, key) = tampered.file().await;
    let sound = check(&file, Some(key.public())).unwrap();
    let whole = forged(|_, _| (), &sound);
    assert!(check(&whole, None).is_ok(), "only the key tells who signed");
    assert_eq!(check(&whole, Some(key.public())), Err(Unsound::OtherKey));
    let changes: [(&str, Change); 12] = [
        ("a number of several lines", |proof, _| proof.msisdn = "13800000001\nsigned by  the operator".to_owned()),
        ("no number", |proof, _| proof.msisdn.clear()),
        ("a tariff of several lines", |_, said| said.scheme_id = Some("26MB900004\n\u{1b}[2J".to_owned())),
        ("no tariff", |_, said| said.scheme_id = None),
        ("no version", |_, said| said.version = Some(0)),
        ("words for a price", |_, said| said.recurring_price = Some("10.00 yuan off, 0.00".to_owned())),
        ("a price of less than nothing", |_, said| said.one_off_price = Some("-1.00".to_owned())),
        ("a price written otherwise", |_, said| said.one_off_price = Some("0".to_owned())),
        ("a cap too", |_, said| said.cap = Some("1.00".to_owned())),
        ("another purpose", |_, said| said.purpose = "gift".to_owned()),
        ("another way", |_, said| said.method = "nod".to_owned()),
        ("a time written otherwise", |_, said| said.agreed_at = said.agreed_at.replace('Z', "+00:00")),
    ];
    for (what, change) in changes {
        assert_eq!(check(&forged(change, &sound), None), Err(Unsound::WrongEvidence), "{what}");
    }
    tampered.world.db.drop().await;
}
