//! What was asked, answered, refused or left to run out, and who did it, as its owner sees it.

use charging::actor::{Actor, By};
use charging::consent::cap::{confirm_cap_raise, request_cap_raise};
use charging::consent::key::signing_key;
use charging::consent::proof::{Unsound, check, write};
use charging::order::agreement::{About, Agreement, AgreementId, StepKind as Step, agreement};
use charging::order::ending::cancel;
use charging::order::flow::{refuse, request};
use charging::order::history::{Asked, Closed, Entry, What, history};
use charging::usage::store::lower_cap;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::world::{ADDON, PACK, World, at, now};
use crate::{later, rng};

impl World {
    async fn history(&self, subscriber_id: i64, at: DateTime<Utc>) -> Vec<Entry> {
        let mut conn = self.db.app.acquire().await.unwrap();
        history(&mut conn, subscriber_id, at, 0, 50).await.unwrap().entries
    }
}

fn closed(entry: &Entry) -> (Closed, Option<DateTime<Utc>>, Option<Actor>, Option<&str>) {
    let What::Unanswered { outcome, .. } = &entry.what else { panic!("{entry:?}") };
    (outcome.how, outcome.at, outcome.actor.clone(), outcome.channel_id.as_deref())
}

#[tokio::test]
async fn a_question_that_came_to_nothing_is_seen_with_who_and_when() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let refused = world.ask(a, ADDON, now()).await.unwrap();
    let mut tx = world.db.app.begin().await.unwrap();
    refuse(&mut tx, a, refused.request_id, &By::subscriber("sms"), later("1:00")).await.unwrap();
    tx.commit().await.unwrap();
    world.ask(a, ADDON, later("2:00")).await.unwrap();
    let mut tx = world.db.app.begin().await.unwrap();
    let by = By::staff("li.na", "hotline");
    request(&mut tx, a, &PACK.parse().unwrap(), &by, later("3:00"), &mut rng(3)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.history(a, later("4:00")).await.len(), 2, "a question that waits came to nothing yet");

    let seen = world.history(a, later("20:00")).await;
    let names: Vec<_> = seen.iter().map(|entry| (&entry.actor, entry.channel_id.as_str(), entry.at)).collect();
    let staff = Actor::Staff("li.na".to_owned());
    let (owner, web) = (&Actor::Subscriber, "web");
    assert_eq!(names, [(&staff, "hotline", later("3:00")), (owner, web, later("2:00")), (owner, web, now())]);
    assert!(matches!(&seen[0].what, What::Unanswered { about: Asked::Order { name, .. }, .. } if name == "视频包"));
    let expired = (Closed::Expired, Some(later("13:00")), Some(Actor::System), None);
    assert_eq!(closed(&seen[0]), expired);
    assert_eq!(closed(&seen[1]), (Closed::Superseded, Some(later("3:00")), Some(staff.clone()), Some("hotline")));
    assert_eq!(closed(&seen[2]), (Closed::Refused, Some(later("1:00")), Some(Actor::Subscriber), Some("sms")));

    world.ask(a, ADDON, later("30:00")).await.unwrap();
    let seen = world.history(a, later("31:00")).await;
    assert_eq!(closed(&seen[0]), expired, "what ran out before was not replaced by the newer question");
    world.db.drop().await;
}

#[tokio::test]
async fn every_step_of_an_order_is_seen_until_it_has_stopped() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let ordered = world.order(a, PACK, now()).await.unwrap();
    let mut tx = world.db.app.begin().await.unwrap();
    cancel(&mut tx, a, ordered.subscription_id, Decimal::ZERO, &By::staff("li.na", "hotline"), later("60:00"))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (mut conn, id) = (world.db.app.acquire().await.unwrap(), AgreementId::Order(ordered.order_id));
    let ending = agreement(&mut conn, a, id, later("90:00")).await.unwrap().unwrap();
    let kinds: Vec<_> = ending.steps.iter().map(|step| step.what).collect();
    assert_eq!(kinds, [Step::Asked, Step::Agreed, Step::Ordered, Step::Activated, Step::CancelAsked]);
    let stopped = ending.steps.last().unwrap();
    assert_eq!((&stopped.actor, stopped.channel_id.as_deref()), (&Actor::Staff("li.na".to_owned()), Some("hotline")));
    let november = at("2026-11-01T00:00:00+08:00");
    assert_eq!(stopped.effective_at, november);
    let ended = agreement(&mut conn, a, id, november).await.unwrap().unwrap();
    let last = ended.steps.last().unwrap();
    assert_eq!((last.what, last.at, &last.actor, &last.channel_id), (Step::Ended, november, &Actor::System, &None));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_raised_cap_has_a_proof_to_take_home() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    let mut tx = world.db.app.begin().await.unwrap();
    lower_cap(&mut tx, a, 50.into(), &By::subscriber("sms"), now()).await.unwrap();
    let by = By::subscriber("web");
    let asked = request_cap_raise(&mut tx, a, 300.into(), &by, later("1:00"), &mut rng(1)).await.unwrap();
    tx.commit().await.unwrap();
    let code = world.code(a).await;
    let choice = confirm_cap_raise(&world.db.app, a, asked.request_id, &code, later("2:00")).await.unwrap();
    let seen = world.history(a, later("3:00")).await;
    let id = AgreementId::Cap(choice.consent_seq.unwrap());
    assert_eq!(seen.iter().map(|entry| entry.what.agreement()).collect::<Vec<_>>(), [Some(id), None]);
    assert!(matches!(seen[1].what, What::Cap { cap, previous, .. } if (cap, previous) == (50.into(), 600.into())));

    let mut conn = world.db.app.acquire().await.unwrap();
    let slip = agreement(&mut conn, a, id, later("3:00")).await.unwrap().unwrap();
    assert_eq!(slip.about, About::Cap { cap: "300.00".parse().unwrap(), previous: "50.00".parse().unwrap() });
    let kinds: Vec<_> = slip.steps.iter().map(|step| step.what).collect();
    assert_eq!(kinds, [Step::Asked, Step::Agreed, Step::CapRaised]);
    let told: Vec<&str> = slip.messages.iter().map(|message| message.kind.as_str()).collect();
    assert_eq!(told, ["cap_request", "cap_changed"]);
    assert_eq!(agreement(&mut conn, b, id, later("3:00")).await.unwrap(), None, "not for another subscriber");
    assert_eq!(agreement(&mut conn, a, AgreementId::Order(1), later("3:00")).await.unwrap(), None);

    let key = signing_key(&mut conn, now(), &mut rng(2)).await.unwrap();
    let file = write(&slip, &"13800000001".parse().unwrap(), &key);
    let sound = check(&file, None).unwrap();
    assert_eq!((sound.proof.order_id, sound.evidence.cap.as_deref()), (None, Some("300.00")));
    let named = Agreement { id: AgreementId::Order(1), ..slip };
    let forged = write(&named, &"13800000001".parse().unwrap(), &key);
    assert_eq!(check(&forged, None), Err(Unsound::WrongEvidence), "a cap is no order");
    drop(conn);
    world.db.drop().await;
}
