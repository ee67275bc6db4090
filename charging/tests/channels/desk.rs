//! Two people let a channel in, one stops it, and what was so stays to be seen.

use std::net::{IpAddr, Ipv4Addr};

use charging::channel::directory::{Search, directory};
use charging::channel::report::{NewReport, REPORTS_BY_ADDRESS, answer, list, report};
use charging::channel::secret::{issue_secret, secrets};
use charging::channel::store::{Channel, ChannelError, decide, find, register, stop, submit};
use charging::channel::{Standing, Terms, Why};
use charging::staff::trail::{Filter, entries};
use charging::staff::{Actor, StaffError};
use chrono::TimeDelta;

use crate::agents::{Agents, terms};
use crate::world::{World, now};

async fn channel(agents: &Agents) -> Channel {
    find(&mut agents.app.acquire().await.unwrap(), &agents.channel_id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_version_holds_when_somebody_else_lets_it() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let wider = Terms { regions: vec!["北京".to_owned(), "上海".to_owned()], ..terms() };
    let id = &agents.channel_id;
    assert!(matches!(submit(&mut conn, &agents.manager, id, &terms(), now()).await, Err(ChannelError::Unchanged)));
    for stranger in [&agents.approver, &Actor::Stranger { address: IpAddr::V4(Ipv4Addr::LOCALHOST) }] {
        let refused = submit(&mut conn, stranger, id, &wider, now()).await;
        assert!(matches!(refused, Err(ChannelError::Staff(StaffError::Forbidden(_)))));
    }
    assert!(matches!(submit(&mut conn, &Actor::Engineer, id, &wider, now()).await, Err(ChannelError::Unnamed)));
    assert_eq!(submit(&mut conn, &agents.manager, id, &wider, now()).await.unwrap(), 2);
    assert!(matches!(submit(&mut conn, &agents.manager, id, &wider, now()).await, Err(ChannelError::WaitsAlready)));
    let own = decide(&mut conn, &agents.manager, (id, 2), (true, ""), now()).await;
    assert!(matches!(own, Err(ChannelError::Staff(StaffError::Forbidden(_)))));
    let silent = decide(&mut conn, &agents.approver, (id, 2), (false, " "), now()).await;
    assert!(matches!(silent, Err(ChannelError::Reason)));
    assert_eq!(channel(&agents).await.approved().unwrap().version, 1, "until then the old one holds");
    decide(&mut conn, &agents.approver, (id, 2), (true, ""), now()).await.unwrap();
    let after = channel(&agents).await;
    assert_eq!((after.approved().unwrap().version, after.standing(now())), (2, Standing::InForce));
    assert_eq!(after.versions[1].stop.as_ref().unwrap().why, Why::Replaced);
    let again = decide(&mut conn, &agents.approver, (id, 2), (false, "再看看"), now()).await;
    assert!(matches!(again, Err(ChannelError::DecidedBefore)));
    drop(conn);
    drop(agents);
    world.db.drop().await;
}

#[tokio::test]
async fn whoever_has_both_roles_still_needs_another() {
    let world = World::new().await;
    let mut agents = Agents::new(&world.db.app).await;
    if let Actor::Member { member, .. } = &mut agents.manager {
        member.roles = charging::staff::Role::ALL.to_vec();
    }
    let mut conn = world.db.app.acquire().await.unwrap();
    let id = register(&mut conn, &agents.manager, &terms(), now()).await.unwrap();
    let own = decide(&mut conn, &agents.manager, (&id, 1), (true, ""), now()).await;
    assert!(matches!(own, Err(ChannelError::Oneself)), "{own:?}");
    drop(conn);
    drop(agents);
    world.db.drop().await;
}

#[tokio::test]
async fn one_person_stops_and_two_let_it_go_on() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let id = &agents.channel_id;
    assert!(matches!(
        stop(&mut conn, &agents.manager, id, (Why::Suspended, ""), now()).await,
        Err(ChannelError::Reason)
    ));
    stop(&mut conn, &agents.manager, id, (Why::Suspended, "冒充客服"), now()).await.unwrap();
    assert_eq!(channel(&agents).await.standing(now()), Standing::Suspended);
    let twice = stop(&mut conn, &agents.approver, id, (Why::Ended, "又一次"), now()).await;
    assert!(matches!(twice, Err(ChannelError::DecidedBefore)));
    let version = submit(&mut conn, &agents.manager, id, &terms(), now()).await.unwrap();
    assert_eq!(channel(&agents).await.standing(now()), Standing::Suspended, "asking for it is not enough");
    decide(&mut conn, &agents.approver, (id, version), (true, "已整改"), now()).await.unwrap();
    assert_eq!(channel(&agents).await.standing(now()), Standing::InForce);
    let trail = entries(&mut conn, &Filter::default(), 1).await.unwrap();
    let actions: Vec<&str> = trail.entries.iter().rev().map(|entry| entry.action.as_str()).collect();
    let expected = ["channel.register", "channel.approve", "channel.suspend", "channel.submit", "channel.approve"];
    assert_eq!(actions, expected);
    assert!(trail.entries.iter().all(|entry| entry.after.is_some() && entry.subject == "channel/QD000001"));
    drop(conn);
    drop(agents);
    world.db.drop().await;
}

#[tokio::test]
async fn the_directory_shows_what_was_let_in() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let other = Terms { name: "Second Shop".to_owned(), ..terms() };
    register(&mut conn, &agents.manager, &other, now()).await.unwrap();
    for (text, unapproved, found) in [
        ("", false, vec!["QD000001"]),
        ("", true, vec!["QD000001", "QD000002"]),
        ("云桥", false, vec!["QD000001"]),
        ("second", true, vec!["QD000002"]),
        ("second", false, vec![]),
        ("yunqiao.example", false, vec!["QD000001"]),
        ("%", true, vec![]),
    ] {
        let search = Search { text: text.to_owned(), unapproved, waiting: false, page: 1 };
        let page = directory(&mut conn, &search, now()).await.unwrap();
        let ids: Vec<&str> = page.items.iter().map(|item| item.channel_id.as_str()).collect();
        assert_eq!(ids, found, "{text}");
    }
    let all = directory(&mut conn, &Search { unapproved: true, ..Search::default() }, now()).await.unwrap();
    let states: Vec<_> = all.items.iter().map(|item| (item.standing, item.waits)).collect();
    assert_eq!(states, [(Standing::InForce, false), (Standing::Waiting, true)]);
    drop(conn);
    drop(agents);
    world.db.drop().await;
}

#[tokio::test]
async fn a_secret_counts_a_day_longer_than_it_is_the_newest() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let id = &agents.channel_id;
    assert_eq!(secrets(&mut conn, id, now()).await.unwrap(), []);
    for number in 1..=3 {
        let on = now() + TimeDelta::days(10 * i64::from(number));
        assert_eq!(issue_secret(&mut conn, &agents.manager, id, on).await.unwrap(), number);
    }
    let third = now() + TimeDelta::days(30);
    for (hours, numbers) in [(0, vec![3, 2]), (23, vec![3, 2]), (24, vec![3])] {
        let valid = secrets(&mut conn, id, third + TimeDelta::hours(hours)).await.unwrap();
        assert_eq!(valid.iter().map(|secret| secret.number).collect::<Vec<_>>(), numbers, "{hours}");
    }
    drop(conn);
    drop(agents);
    world.db.drop().await;
}

#[tokio::test]
async fn what_people_tell_is_kept_and_answered_once() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let from = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let told = |about: &'static str| NewReport { about, what: "说是内部名额", contact: "" };
    for about in ["qd000001", "QD999999", "https://fake.example"] {
        report(&mut conn, &told(about), from, now()).await.unwrap();
    }
    assert!(matches!(report(&mut conn, &told(" "), from, now()).await, Err(ChannelError::Text)));
    for _ in 3..REPORTS_BY_ADDRESS.max {
        report(&mut conn, &told("x"), from, now()).await.unwrap();
    }
    assert!(matches!(report(&mut conn, &told("x"), from, now()).await, Err(ChannelError::TooMany { .. })));
    let of = list(&mut conn, Some(&agents.channel_id)).await.unwrap();
    assert_eq!(of.iter().map(|report| report.about.as_str()).collect::<Vec<_>>(), ["qd000001"]);
    answer(&mut conn, &agents.manager, of[0].report_id, "已提醒渠道", now()).await.unwrap();
    let twice = answer(&mut conn, &agents.approver, of[0].report_id, "已处理", now()).await;
    assert!(matches!(twice, Err(ChannelError::DecidedBefore)));
    assert_eq!(list(&mut conn, None).await.unwrap().last().unwrap().answer.as_ref().unwrap().0, "已提醒渠道");
    drop(conn);
    drop(agents);
    world.db.drop().await;
}
