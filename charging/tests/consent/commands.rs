//! Commands to 10086.

use charging::consent::incoming::Handled;
use charging::notice::UsageNotice;
use charging::notice::sms::parts;
use charging::notice::store::tell;
use charging::notice::template::{Message, PARTS_MAX};
use charging::order::EndReason;
use charging::quantity::Service;
use charging::tariff::Kind;
use charging::tariff::store::publish;
use charging::usage::UsageRecord;
use charging::usage::store::ingest_batch;
use charging::usage::threshold::UsedLevel;
use chrono::{DateTime, TimeDelta, Utc};

use crate::later;
use crate::world::{ADDON, OTHER_PLAN, PACK, PLAN, World, at, now, tariff};

impl World {
    /// With a plan and two add-ons, none of them new.
    async fn with_three(&self, n: u32) -> (i64, [i64; 3]) {
        let a = self.subscriber(n).await;
        let plan = self.has(a, PLAN, at("2026-08-05T00:00:00+08:00")).await.subscription_id;
        let pack = self.has(a, PACK, at("2026-08-01T00:00:00+08:00")).await.subscription_id;
        let addon = self.has(a, ADDON, at("2026-09-01T00:00:00+08:00")).await.subscription_id;
        (a, [plan, pack, addon])
    }

    async fn ends(&self, subscription_id: i64) -> Option<(DateTime<Utc>, String)> {
        sqlx::query_as::<_, (Option<DateTime<Utc>>, Option<String>)>(
            "select ends_at, end_reason from subscription where subscription_id = $1",
        )
        .bind(subscription_id)
        .fetch_one(&self.db.app)
        .await
        .map(|(at, reason)| at.zip(reason))
        .unwrap()
    }

    /// Bytes of data.
    async fn uses(&self, subscriber_id: i64, bytes: u64) {
        let data = UsageRecord {
            id: "r1".to_owned(),
            service: Service::Data,
            started_at: later("0:00"),
            quantity: bytes,
            rating_group: None,
        };
        let mut tx = self.db.app.begin().await.unwrap();
        ingest_batch(&mut tx, &[(subscriber_id, data)], later("1:00")).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn speaks_english(&self, subscriber_id: i64) {
        sqlx::query("update subscriber set language = 'en' where subscriber_id = $1")
            .bind(subscriber_id)
            .execute(&self.db.app)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_number_of_the_list_cancels_and_says_what_it_costs() {
    let world = World::new().await;
    let (a, [plan, pack, addon]) = world.with_three(1).await;
    assert_eq!(world.receive(a, "m1", " ００００。", now()).await, Handled::Listed(3));
    assert_eq!(
        world.last_sms(a).await.1,
        "【明白】您的业务：\n1. 畅享 59 每月59.00元\n2. 视频包 每月20.00元\n3. 流量加油包 每月10.00元\n\
         退订回复编号，24小时内有效。"
    );
    let month_end = at("2026-11-01T00:00:00+08:00");
    let cancelled = Handled::Cancelled { subscription_id: pack, ends_at: month_end, reason: EndReason::MonthEnd };
    assert_eq!(world.receive(a, "m2", "td 2", later("5:00")).await, cancelled);
    assert_eq!(
        world.last_sms(a).await.1,
        "【明白】“视频包”已退订，用到2026年10月31日为止，本月收20.00元，以后不再收。在此之前可在网站“我的业务”撤销退订。"
    );
    assert_eq!(world.receive(a, "m2", "td 2", later("5:00")).await, Handled::Repeated);
    assert_eq!(world.receive(a, "m3", "2", later("6:00")).await, Handled::NotCancelled);
    assert!(world.last_sms(a).await.1.contains("“视频包”之前已退订，用到2026年10月31日为止"));
    let days_used =
        Handled::Cancelled { subscription_id: addon, ends_at: later("7:00"), reason: EndReason::Immediately };
    assert_eq!(world.receive(a, "m4", "３", later("7:00")).await, days_used);
    assert!(world.last_sms(a).await.1.contains("现在起停止。本月按已用天数收4.84元"), "15 of 31 days of 10 yuan");
    assert_eq!(world.receive(a, "m5", "3", later("8:00")).await, Handled::NotCancelled);
    assert!(world.last_sms(a).await.1.contains("“流量加油包”已在2026年10月15日停止"));
    assert_eq!(world.receive(a, "m6", "4", later("8:00")).await, Handled::NotCancelled);
    assert!(world.last_sms(a).await.1.contains("清单里没有编号4，没有退订任何业务。编号是1到3"));
    assert_eq!(world.receive(a, "m7", "TD0", later("8:00")).await, Handled::NotCancelled);
    assert_eq!(world.ends(plan).await, None);
    let channels: Vec<String> =
        sqlx::query_scalar("select channel_id from subscription_event where what = 'cancel_asked'")
            .fetch_all(&world.db.app)
            .await
            .unwrap();
    assert_eq!(channels, ["sms", "sms"]);
    world.db.drop().await;
}

#[tokio::test]
async fn numbers_mean_for_a_day_what_the_newest_list_said() {
    let world = World::new().await;
    let (a, [plan, pack, addon]) = world.with_three(1).await;
    let b = world.subscriber(2).await;
    world.has(b, PACK, at("2026-08-01T00:00:00+08:00")).await;
    assert_eq!(world.receive(a, "m1", "0000", now()).await, Handled::Listed(3));
    assert_eq!(world.receive(b, "m1", "1", now()).await, Handled::Listed(1), "the list of another is not his");
    assert!(world.last_sms(b).await.1.contains("还没有清单，没有退订。"));
    // What was ordered since is on no list; what the list said still holds.
    world.order(a, OTHER_PLAN, later("1:00")).await.unwrap();
    let next_day = now() + TimeDelta::hours(24);
    assert_eq!(world.receive(a, "m2", "2", next_day).await, Handled::Listed(4), "a day later");
    assert!(world.last_sms(a).await.1.starts_with("【明白】清单已过24小时，没有退订。"));
    let next_day = next_day + TimeDelta::minutes(2);
    let handled = world.receive(a, "m3", "TD2", next_day).await;
    assert!(
        matches!(handled, Handled::Cancelled { reason: EndReason::BeforeStart, .. }),
        "the plan that waits is now number 2: {handled:?}"
    );
    assert!(world.last_sms(a).await.1.contains("还没有开始，不收费"));
    assert_eq!((world.ends(pack).await, world.ends(plan).await), (None, None), "the present plan goes on");
    let third = world.receive(a, "m4", "TD4", next_day).await;
    assert!(matches!(third, Handled::Cancelled { subscription_id, .. } if subscription_id == addon), "{third:?}");
    assert_eq!((world.count("sms_list").await, world.count("sms_list_item").await), (3, 8));
    world.db.drop().await;
}

#[tokio::test]
async fn without_a_number_or_a_service_nothing_is_cancelled() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    assert_eq!(world.receive(a, "m1", "0000", now()).await, Handled::Listed(0));
    assert!(world.last_sms(a).await.1.contains("没有订购任何业务"));
    assert_eq!(world.receive(a, "m2", "TD7", now()).await, Handled::Listed(0));
    world.has(a, PACK, at("2026-08-01T00:00:00+08:00")).await;
    assert_eq!(world.receive(a, "m3", "TD", now()).await, Handled::Listed(1));
    assert_eq!(world.receive(a, "m4", "TD101", now()).await, Handled::NotCancelled);
    assert_eq!(world.receive(a, "m5", "退订吧", now()).await, Handled::NotUnderstood);
    assert_eq!(world.count("subscription where ends_at is not null").await, 0);
    world.db.drop().await;
}

#[tokio::test]
async fn a_long_list_comes_in_numbered_messages() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let terms = r#"{"recurring":{"price":"3.00","first_month":"full"},"cancel_effective":"month_end"}"#;
    let schemes: Vec<String> = (0..30).map(|n| format!("26MB9001{n:02}")).collect();
    let names: Vec<String> = (1..=30).map(|n| format!("家庭云存储空间超大容量月包之{n:02}")).collect();
    let batch: Vec<_> =
        schemes.iter().zip(&names).map(|(id, name)| tariff(id, Kind::Addon, name, Some(terms)).into()).collect();
    let mut tx = world.db.app.begin().await.unwrap();
    publish(&mut tx, &batch, at("2026-08-01T00:00:00+08:00")).await.unwrap();
    tx.commit().await.unwrap();
    for scheme in &schemes {
        world.has(a, scheme, at("2026-09-01T00:00:00+08:00")).await;
    }
    assert_eq!(world.receive(a, "m1", "0000", now()).await, Handled::Listed(30));
    let sms = world.sms(a).await;
    assert!(sms.len() > 3 && sms.iter().all(|(_, body)| parts(body) <= PARTS_MAX), "{sms:?}");
    let whole: String = sms.iter().map(|(_, body)| body.as_str()).collect();
    for (number, name) in (1..).zip(&names) {
        assert_eq!(whole.matches(&format!("\n{number}. {name} ")).count(), 1, "{number}");
    }
    assert!(sms.last().unwrap().1.contains(&format!("({0}/{0})", sms.len())));
    assert!(matches!(world.receive(a, "m2", "30", now()).await, Handled::Cancelled { .. }));
    assert!(world.last_sms(a).await.1.contains("之30"));
    world.db.drop().await;
}

#[tokio::test]
async fn questions_about_the_account_are_answered() {
    let world = World::new().await;
    let (a, _) = world.with_three(1).await;
    world.uses(a, 3 * charging::quantity::GIB + 100 * charging::quantity::MIB).await;
    for (n, text, answer) in [
        (1, "CXTC", "您的套餐是“畅享 59”，每月59.00元。每月含流量1GB。另有2项业务，发0000查看和退订。"),
        (2, "CXLL", "本月通用流量剩0B，共3GB。套餐外已用100MB。"),
        (3, "cxzd", "2026年10月至今套餐外用量费3.00元；加上月费等，本月预计92.00元，月底后出账。您还没有出过账单。"),
        (
            4,
            "ＣＸＦＤ",
            "您的流量超套封顶是每月600.00元，本月超套流量费已有3.00元，到封顶即停。要改请发FD加金额，如FD50。",
        ),
    ] {
        assert_eq!(world.receive(a, &format!("m{n}"), text, later("2:00")).await, Handled::Answered);
        assert_eq!(world.last_sms(a).await.1, format!("【明白】{answer}"));
    }
    let b = world.subscriber(2).await;
    assert_eq!(world.receive(b, "m1", "CXTC", now()).await, Handled::Answered);
    assert!(world.last_sms(b).await.1.contains("您现在没有套餐。"));
    world.db.drop().await;
}

#[tokio::test]
async fn the_cap_is_lowered_at_once_and_raised_by_a_yes() {
    let world = World::new().await;
    let (a, _) = world.with_three(1).await;
    world.uses(a, 4 * charging::quantity::GIB).await;
    for (n, text, answer) in [
        (1, "FD600", "本来就是600.00元"),
        (2, "FD2", "封顶没有改为2.00元：本月超套流量费已有3.00元"),
        (3, "FD1,000", "没看懂金额"),
        (4, "FD100001", "没看懂金额"),
    ] {
        assert_eq!(world.receive(a, &format!("m{n}"), text, later("2:00")).await, Handled::Answered);
        assert!(world.last_sms(a).await.1.contains(answer), "{}", world.last_sms(a).await.1);
    }
    assert_eq!(world.receive(a, "m5", "fd 50元", later("2:00")).await, Handled::CapLowered);
    assert_eq!((world.cap(a).await.to_string(), world.last_sms(a).await.0), ("50.00".into(), "cap_changed".into()));
    assert!(matches!(world.receive(a, "m6", "ＦＤ８０．５", later("3:00")).await, Handled::Asked { .. }));
    assert_eq!((world.cap(a).await.to_string(), world.last_sms(a).await.0), ("50.00".into(), "cap_request".into()));
    assert_eq!(world.receive(a, "m6", "FD80.5", later("3:00")).await, Handled::Repeated);
    assert_eq!(world.receive(a, "m7", "是", later("4:00")).await, Handled::CapRaised);
    assert_eq!(world.cap(a).await.to_string(), "80.50");
    world.check_chain(a, 4).await;
    let mut asked = 1;
    while let Handled::Asked { .. } = world.receive(a, &format!("n{asked}"), "FD100", later("5:00")).await {
        asked += 1;
        assert!(asked < 50, "requests are limited");
    }
    assert!(world.last_sms(a).await.1.contains("一小时内的确认短信太多"));
    world.db.drop().await;
}

#[tokio::test]
async fn only_what_no_rule_requires_is_turned_off() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let notice = |level| {
        Message::Usage(UsageNotice::Allowance {
            service: Service::Data,
            is_directed: false,
            level,
            left: 1,
            has_price: true,
        })
    };
    let told = async |event: &str, level| {
        let mut conn = world.db.app.acquire().await.unwrap();
        tell(&mut conn, a, event.to_owned(), &notice(level), now()).await.unwrap()
    };
    assert!(told("x/1", UsedLevel::Half).await);
    assert_eq!(world.receive(a, "m1", "qxtx", now()).await, Handled::Answered);
    assert!(!told("x/2", UsedLevel::Half).await && !told("x/3", UsedLevel::FourFifths).await);
    assert!(told("x/4", UsedLevel::TenMegabytesLeft).await && told("x/5", UsedLevel::UsedUp).await);
    assert_eq!(world.receive(a, "m2", "KTTX", now()).await, Handled::Answered);
    assert!(told("x/2", UsedLevel::Half).await);
    assert_eq!(world.count("notice_choice").await, 1, "one row a topic");
    world.db.drop().await;
}

#[tokio::test]
async fn who_wants_english_gets_english() {
    let world = World::new().await;
    let (a, _) = world.with_three(1).await;
    world.speaks_english(a).await;
    assert_eq!(world.receive(a, "m1", "0000", later("1:00")).await, Handled::Listed(3));
    let list = world.sms(a).await.into_iter().map(|(_, body)| body);
    assert_eq!(
        list.collect::<Vec<_>>(),
        [
            "[Mingbai] Your services (1/2):\n1. 畅享 59 CNY 59.00/month\n2. 视频包 CNY 20.00/month\n\
             Reply a number within 24 h to cancel.",
            "[Mingbai] Your services (2/2):\n3. 流量加油包 CNY 10.00/month\nReply a number within 24 h to cancel.",
        ]
    );
    for (n, text, answer) in [
        (2, "td9", "The list has no number 9"),
        (3, "2", "\"视频包\" is cancelled. It runs until 31 Oct 2026, this month costs CNY 20.00, then nothing."),
        (4, "cxtc", "Your plan: \"畅享 59\", CNY 59.00/month."),
        (5, "cxll", "Data this month: 3GB left of 3GB."),
        (6, "cxzd", "Oct 2026 so far: CNY 0.00 beyond your allowances"),
        (7, "cxfd", "Your data overage cap is CNY 600.00 a month"),
        (8, "fd50", "Your data overage cap is now CNY 50.00 a month"),
        (9, "fd90", "Raise your data overage cap to CNY 90.00 a month?"),
        (10, "n", "All right, your cap does not change to CNY 90.00"),
        (11, "y", "Nothing waits for your answer."),
        (12, "qxtx", "Tips at half and 80% are off."),
        (13, "what?", "Send 0000: services"),
    ] {
        world.receive(a, &format!("m{n}"), text, later("1:00")).await;
        let (_, body) = world.last_sms(a).await;
        assert!(body.starts_with("[Mingbai] ") && body.contains(answer), "{text}: {body}");
    }
    world.db.drop().await;
}

#[tokio::test]
async fn a_number_counts_once_its_list_can_have_been_read() {
    let world = World::new().await;
    let (a, [_, pack, _]) = world.with_three(1).await;
    let after = |seconds| now() + TimeDelta::seconds(seconds);
    assert_eq!(world.receive(a, "m1", "2", now()).await, Handled::Listed(3));
    assert_eq!(world.receive(a, "m2", "2", after(5)).await, Handled::Listed(3));
    assert!(world.last_sms(a).await.1.contains("请先看清单再回复，没有退订。"));
    assert_eq!(world.ends(pack).await, None);
    let handled = world.receive(a, "m3", "2", after(70)).await;
    assert!(matches!(handled, Handled::Cancelled { subscription_id, .. } if subscription_id == pack), "{handled:?}");
    world.db.drop().await;
}
