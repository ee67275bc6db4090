//! The third way to say yes: a signature drawn on the screen, or the name, and the code with either.

use charging::consent::Method;
use charging::consent::request::{Given, RequestError};
use charging::consent::signature::Strokes;
use charging::consent::store::ConsentError;
use charging::order::agreement::{Agreement, AgreementId, agreement};
use charging::order::flow::confirm;
use charging::order::store::OrderError;

use crate::world::{ADDON, PACK, PLAN, World, now};
use crate::{later, other_code};

pub fn strokes(text: &str) -> Strokes {
    Strokes::read(text).unwrap()
}

pub const DRAWN: &str = "[[60,50,120,90,200,40,260,170],[300,60,420,180]]";

impl World {
    pub async fn agreement(&self, subscriber_id: i64, order_id: i64) -> Agreement {
        let mut conn = self.db.app.acquire().await.unwrap();
        agreement(&mut conn, subscriber_id, AgreementId::Order(order_id), now()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_drawn_signature_makes_an_order_and_stays_with_its_proof() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    let drawn = strokes(DRAWN);
    let asked = world.ask(a, ADDON, now()).await.unwrap();
    let pool = &world.db.app;
    let code = world.code(a).await;
    let strokes_and = |code| Given::Drawn { strokes: &drawn, code };
    for (code, at) in [("", "1:00"), ("signed", "1:00"), (other_code(&code), "1:00"), (&code, "5:01"), (&code, "10:01")]
    {
        let refused = confirm(pool, a, asked.request_id, strokes_and(code), later(at)).await.unwrap_err();
        assert!(matches!(refused, OrderError::Request(RequestError::WrongCode)), "{code} {at}: {refused:?}");
    }
    let stranger = confirm(pool, b, asked.request_id, strokes_and(&code), later("1:00")).await.unwrap_err();
    assert!(matches!(stranger, OrderError::Request(RequestError::NotOpen)), "{stranger:?}");
    assert_eq!((world.count("product_order").await, world.count("signature").await), (0, 0));
    let ordered = confirm(pool, a, asked.request_id, strokes_and(&code), later("4:59")).await.unwrap();

    let slip = world.agreement(a, ordered.order_id).await;
    assert_eq!((slip.evidence.method.as_str(), slip.evidence.answer.clone()), ("signature", format!("signed {code}")));
    assert_eq!(slip.evidence.code_beside_strokes(), Some(code.as_str()));
    assert_eq!(slip.evidence.description, asked.description);
    assert_eq!(slip.strokes.as_ref(), Some(&drawn));
    assert_eq!(slip.evidence.strokes_sha256, Some(hex::encode(drawn.digest())));
    let again = confirm(pool, a, asked.request_id, strokes_and(&code), later("4:59")).await.unwrap_err();
    assert!(matches!(again, OrderError::Request(RequestError::AnsweredBefore)), "{again:?}");

    let other = world.ask(a, PACK, later("11:00")).await.unwrap();
    let code = world.code(a).await;
    let copied = confirm(pool, a, other.request_id, strokes_and(&code), later("11:30")).await.unwrap_err();
    let copy =
        |error: &OrderError| matches!(error, OrderError::Request(RequestError::Consent(ConsentError::CopiedSignature)));
    assert!(copy(&copied), "a hand never draws the same twice: {copied:?}");
    let fresh = strokes("[[60,50,120,91,200,40,260,170],[300,60,420,180]]");
    confirm(pool, a, other.request_id, Given::Drawn { strokes: &fresh, code: &code }, later("12:00")).await.unwrap();
    world.check_chain(a, 2).await;
    world.db.drop().await;
}

#[tokio::test]
async fn a_typed_name_counts_with_the_code_and_only_the_registered_one() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let asked = world.ask(a, PLAN, now()).await.unwrap();
    let code = world.code(a).await;
    let pool = &world.db.app;
    let sign = |name: &'static str, code: String| async move {
        confirm(pool, a, asked.request_id, Given::Named { name, code: &code }, later("1:00")).await
    };
    let other = sign("张三", code.clone()).await.unwrap_err();
    assert!(matches!(other, OrderError::Request(RequestError::OtherName)), "{other:?}");
    let wrong = sign("用户1", other_code(&code).to_owned()).await.unwrap_err();
    assert!(matches!(wrong, OrderError::Request(RequestError::WrongCode)), "{wrong:?}");
    assert_eq!(world.count("consent").await, 0);
    let ordered = sign(" 用户 1", code.clone()).await.unwrap();
    let slip = world.agreement(a, ordered.order_id).await;
    assert_eq!(slip.evidence.method.parse(), Ok(Method::Signature));
    assert_eq!((slip.evidence.signed_name.as_deref(), slip.evidence.answer), (Some("用户 1"), code.clone()));
    assert_eq!((slip.strokes, slip.evidence.strokes_sha256), (None, None));
    assert!(sign("用户1", code).await.is_err(), "once");
    world.check_chain(a, 1).await;
    world.db.drop().await;
}
