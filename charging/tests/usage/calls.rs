//! Calls beside the SMS for those who chose them, choices, and quiet hours.

use charging::actor::By;
use charging::notice::call::{self, CallId, Ending, Noted};
use charging::notice::queue::{Fate, Lane, Settled, due, expire, settle};
use charging::notice::store::for_subscriber;
use charging::notice::{Topic, choice};
use charging::order::renewal;
use charging::usage::store::raise_cap;
use chrono::{DateTime, TimeDelta, Utc};

use super::world::{PACK, PLAN, World, at, data, now, yuan};

/// Kind, channel, event, text and due time of a notice.
type Told = (String, String, String, String, DateTime<Utc>);

impl World {
    async fn chooses(&self, subscriber_id: i64, topic: Topic, wanted: bool) {
        let mut conn = self.db.app.acquire().await.unwrap();
        choice::choose(&mut conn, subscriber_id, topic, wanted, "web", now()).await.unwrap();
    }

    async fn notices(&self, subscriber_id: i64) -> Vec<Told> {
        sqlx::query_as(
            "select kind, channel, event_key, body, due_at from notice where subscriber_id = $1 order by notice_id",
        )
        .bind(subscriber_id)
        .fetch_all(&self.db.app)
        .await
        .unwrap()
    }

    async fn calls(&self, subscriber_id: i64) -> Vec<String> {
        let notices = self.notices(subscriber_id).await;
        notices.into_iter().filter(|(_, channel, ..)| channel == "call").map(|(_, _, _, body, _)| body).collect()
    }

    /// A subscriber who chose calls and has used up all data; the call waits.
    async fn with_a_call(&self, n: u32) -> i64 {
        let one = self.subscriber(n, "600").await;
        self.subscribe(one, PLAN, "2026-11-01T00:00:00+08:00").await;
        self.chooses(one, Topic::CallOverUse, true).await;
        self.ingest(one, &[data(&format!("all {n}"), "2026-11-19", 1024)]).await;
        one
    }
}

#[tokio::test]
async fn who_chose_it_is_called_besides_and_nobody_else() {
    let world = World::new().await;
    let (one, two) = (world.subscriber(1, "2").await, world.subscriber(2, "2").await);
    for id in [one, two] {
        world.subscribe(id, PLAN, "2026-11-01T00:00:00+08:00").await;
    }
    world.chooses(one, Topic::CallOverUse, true).await;
    for id in [one, two] {
        world.ingest(id, &[data("a", "2026-11-19", 600)]).await;
        world.ingest(id, &[data("b", "2026-11-19", 424)]).await;
        world.ingest(id, &[data("c", "2026-11-19", 70)]).await;
    }
    assert_eq!(
        world.calls(one).await,
        [
            "您好，这里是明白。您本月的流量已经用完。再用就按套餐外的价格收费，到您设的封顶就停。\
             详情请看短信，或者拨打幺零零八六。再见。",
            "您好，这里是明白。您本月套餐外的流量费是一元九角八分，已经到您设的封顶两元。流量已停，不再收费。\
             详情请看短信，或者拨打幺零零八六。再见。",
        ]
    );
    assert!(world.calls(two).await.is_empty(), "nobody is called who did not choose that");
    let sms = |notices: Vec<Told>| notices.into_iter().filter(|told| told.1 == "sms").map(|told| told.3);
    let (of_one, of_two): (Vec<_>, Vec<_>) =
        (sms(world.notices(one).await).collect(), sms(world.notices(two).await).collect());
    assert_eq!(of_one, of_two, "the SMS are the same");
    world.db.drop().await;
}

#[tokio::test]
async fn an_event_is_called_about_once() {
    let world = World::new().await;
    let one = world.with_a_call(1).await;
    world.try_ingest(one, &[data("all 1", "2026-11-19", 1024)], now()).await.unwrap();
    assert_eq!(world.calls(one).await.len(), 1, "the same records again");
    world.chooses(one, Topic::CallOverUse, false).await;
    world.subscribe(one, PACK, "2026-11-18T00:00:00+08:00").await;
    world.ingest(one, &[data("more", "2026-11-19", 1024)]).await;
    assert_eq!(world.calls(one).await.len(), 1, "a choice is as easily withdrawn");
    let twice =
        "insert into notice (subscriber_id, kind, event_key, channel, language, body, created_at, due_at, expires_at)
        select subscriber_id, kind, event_key, channel, language, body, created_at, due_at, expires_at
        from notice where subscriber_id = $1 and channel = 'call'";
    let refused = sqlx::query(twice).bind(one).execute(&world.db.app).await.unwrap_err().to_string();
    assert!(refused.contains("notice_once"), "{refused}");
    let endless = "insert into notice (subscriber_id, kind, event_key, channel, language, body, created_at, due_at)
        values ($1, 'cap_state', 'x', 'call', 'en', 'x', now(), now())";
    let refused = sqlx::query(endless).bind(one).execute(&world.db.app).await.unwrap_err().to_string();
    assert!(refused.contains("notice_call_expires"), "{refused}");
    world.db.drop().await;
}

#[tokio::test]
async fn shares_are_told_unless_turned_off_and_in_the_morning() {
    let world = World::new().await;
    let (one, two) = (world.subscriber(1, "600").await, world.subscriber(2, "600").await);
    for id in [one, two] {
        world.subscribe(id, PLAN, "2026-11-01T00:00:00+08:00").await;
    }
    world.chooses(two, Topic::UsageShare, false).await;
    let night = at("2026-11-19T23:30:00+08:00");
    for id in [one, two] {
        world.try_ingest(id, &[data("half", "2026-11-19", 600)], night).await.unwrap();
        world.try_ingest(id, &[data("all", "2026-11-19", 500)], night).await.unwrap();
    }
    let due_ats = |notices: Vec<Told>| notices.into_iter().map(|told| told.4).collect::<Vec<_>>();
    let morning = at("2026-11-20T08:00:00+08:00");
    assert_eq!(due_ats(world.notices(one).await), [morning, night], "half is told in the morning, all at once");
    assert_eq!(due_ats(world.notices(two).await), [night]);
    let mut conn = world.db.app.acquire().await.unwrap();
    assert_eq!(due(&mut conn, Lane::Others, night, 10).await.unwrap().len(), 2);
    assert_eq!(due(&mut conn, Lane::Others, morning, 10).await.unwrap().len(), 3);
    let asked = Topic::ALL.map(|topic| (two, topic));
    assert!(choice::wanted(&mut conn, &asked).await.unwrap().is_empty(), "no call is wanted that was not chosen");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_renewal_is_called_about_in_time_or_not_at_all() {
    let world = World::new().await;
    let (early, late) = (world.subscriber(1, "600").await, world.subscriber(2, "600").await);
    for id in [early, late] {
        world.subscribe(id, PACK, "2026-10-01T00:00:00+08:00").await;
        world.chooses(id, Topic::CallRenewal, true).await;
    }
    let mut conn = world.db.app.acquire().await.unwrap();
    let (midnight, last) = (at("2026-11-26T00:00:00+08:00"), at("2026-11-30T22:30:00+08:00"));
    let december = renewal::month_ahead(midnight).unwrap();
    assert_eq!(renewal::tell(&mut conn, december, i64::MIN, 1, midnight).await.unwrap(), Some(early));
    assert_eq!(renewal::tell(&mut conn, december, early, 1, last).await.unwrap(), Some(late));
    let told = world.notices(early).await;
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|told| told.4 == at("2026-11-26T08:00:00+08:00")), "{told:?}");
    assert_eq!(told[1].2, "call:renewal:2026-12");
    let calls = call::due(&mut conn, last, 10).await.unwrap();
    assert_eq!(calls.iter().map(|call| call.subscriber_id).collect::<Vec<_>>(), [late], "the other waited too long");
    assert_eq!(calls[0].expires_at, at("2026-12-01T00:00:00+08:00"), "then it has renewed itself");
    assert_eq!(expire(&mut conn, at("2026-12-01T00:00:00+08:00")).await.unwrap(), 2);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn how_a_call_ended_is_noted_once_whatever_comes_twice_or_early() {
    let world = World::new().await;
    let ids = [world.with_a_call(1).await, world.with_a_call(2).await, world.with_a_call(3).await];
    let mut conn = world.db.app.acquire().await.unwrap();
    let due = call::due(&mut conn, now(), 10).await.unwrap();
    assert_eq!(due.iter().map(|call| call.subscriber_id).collect::<Vec<_>>(), ids);
    let [answered, early, failed] = [&due[0], &due[1], &due[2]];
    let handed = [answered.tried(Fate::Sent)];
    assert_eq!(settle(&mut conn, &handed, now()).await.unwrap(), Settled { sent: 1, ..Settled::default() });
    let later = now() + TimeDelta::minutes(1);
    assert_eq!(call::ended(&mut conn, answered.id(), Ending::Answered, later).await.unwrap(), Noted::First);
    for ending in [Ending::Answered, Ending::NoAnswer] {
        assert_eq!(call::ended(&mut conn, answered.id(), ending, later).await.unwrap(), Noted::Before);
    }
    // It is told how this one ended before we have noted that it was taken, or when we think that it was not.
    assert_eq!(call::ended(&mut conn, early.id(), Ending::Busy, later).await.unwrap(), Noted::First);
    settle(&mut conn, &[early.tried(Fate::Sent)], later).await.unwrap();
    settle(&mut conn, &[failed.tried(Fate::Refused("no".to_owned()))], later).await.unwrap();
    assert_eq!(call::ended(&mut conn, failed.id(), Ending::NoAnswer, later).await.unwrap(), Noted::First);
    let mut states = Vec::new();
    for id in ids {
        let notices = for_subscriber(&mut conn, id, None, 10).await.unwrap();
        let newest = notices.into_iter().find(|notice| notice.is_call).unwrap();
        states.push((newest.state, newest.settled_at, newest.last_error));
    }
    let ended = |state: &str, error: Option<&str>| (state.to_owned(), Some(later), error.map(str::to_owned));
    let (no_answer, busy) = (ended("undelivered", Some("no_answer")), ended("undelivered", Some("busy")));
    assert_eq!(states, [ended("delivered", None), busy, no_answer]);
    let sms = CallId { notice_id: answered.notice_id - 1, ..answered.id() };
    let of_another = CallId { subscriber_id: ids[1], ..answered.id() };
    for id in [sms, of_another, CallId { subscriber_id: i64::MAX, notice_id: 1 }] {
        assert_eq!(call::ended(&mut conn, id, Ending::Answered, later).await.unwrap(), Noted::Unknown, "{id}");
    }
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_cap_that_is_reached_again_is_called_about_again() {
    let world = World::new().await;
    let one = world.subscriber(1, "2").await;
    world.subscribe(one, PLAN, "2026-11-01T00:00:00+08:00").await;
    world.chooses(one, Topic::CallOverUse, true).await;
    world.ingest(one, &[data("a", "2026-11-19", 1024 + 70)]).await;
    let before = world.calls(one).await.len();
    let mut conn = world.db.app.acquire().await.unwrap();
    let yes = world.agree_to_cap(one, "2.50").await;
    raise_cap(&mut conn, one, yuan("2.50"), yes, &By::subscriber("web"), now()).await.unwrap();
    drop(conn);
    world.ingest(one, &[data("b", "2026-11-19", 60)]).await;
    assert_eq!(world.calls(one).await.len(), before + 1);
    world.db.drop().await;
}
