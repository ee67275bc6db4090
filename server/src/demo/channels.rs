//! Two agents' channels, let in by the demo's manager and approver: one that sells, and one that was suspended.

use std::net::{IpAddr, Ipv4Addr};

use charging::channel::order::{Answer, Received, receive};
use charging::channel::report::{NewReport, report};
use charging::channel::store::{ChannelError, decide, register, stop};
use charging::channel::{ChannelId, Terms, Typed, Why, content};
use charging::clock::{Month, local_date};
use charging::consent::incoming::incoming;
use charging::staff::account::{find, find_by_login};
use charging::staff::{Actor, Login, Member};
use charging::subscriber::store::find_by_msisdn;
use charging::tariff::SchemeId;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};

use super::people::msisdn;
use super::rng;

/// Since when both are there, and when one was suspended.
const LET_IN: TimeDelta = TimeDelta::days(200);
const SUSPENDED: TimeDelta = TimeDelta::days(9);
/// The orders of today came in so long ago, at most.
const ORDERS: TimeDelta = TimeDelta::minutes(40);
const TEXT: &str = "流量月包 5GB：每月一次性给 5GB 国内流量。\n随时可退，退订后下月不再收费。\n办理前我们会发短信请您确认，回复 Y 才算办。";
const NEXT_TEXT: &str = "来电显示：对方是谁，接之前就知道。\n随时可退。";

/// Who sends which order for whom: the number of the person, what for, and whether it is answered.
const TODAY: [(u32, &str, bool); 8] = [
    (21, "24MB900101", true),
    (22, "24MB900114", true),
    (23, "24MB900102", false),
    (24, "24MB900007", false),
    (25, "24MB900106", true),
    (26, "24MB900019", false),
    (27, "24MB900101", true),
    (28, "24MB900007", false),
];

/// Makes them where there is no channel yet.
///
/// # Errors
/// When the demo or its staff is not there, or the database failed.
pub async fn ensure(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let is_there = sqlx::query_scalar!(r#"select exists (select from agent_channel) as "is_there!""#);
    if is_there.fetch_one(pool).await? {
        return Ok(());
    }
    let mut tx = pool.begin().await?;
    let (manager, approver) = (member(&mut tx, "demo.manager").await?, member(&mut tx, "demo.approver").await?);
    let today = local_date(now);
    let (one, other) = (shop(today), closed_shop(today));
    let let_in = now - LET_IN;
    let shop = register(&mut tx, &manager, &Terms::read(&one)?, let_in).await?;
    decide(&mut tx, &approver, (&shop, 1), (true, ""), let_in).await?;
    let closed = register(&mut tx, &manager, &Terms::read(&other)?, let_in).await?;
    decide(&mut tx, &approver, (&closed, 1), (true, ""), let_in).await?;
    let number = content::submit(&mut tx, &manager, &shop, ("流量月包", TEXT), let_in).await?;
    content::decide(&mut tx, &approver, (&shop, number), (true, ""), let_in).await?;
    content::submit(&mut tx, &manager, &shop, ("来电显示", NEXT_TEXT), now - TimeDelta::hours(2)).await?;
    let told = NewReport {
        about: closed.as_str(), what: "打电话说是移动公司客服，叫我报短信验证码。", contact: ""
    };
    let suspended = now - SUSPENDED;
    report(&mut tx, &told, IpAddr::V4(Ipv4Addr::LOCALHOST), suspended - TimeDelta::hours(3)).await?;
    let why = (Why::Suspended, "有用户举报冒充客服索要验证码，核实中");
    stop(&mut tx, &approver, &closed, why, suspended).await?;
    sell(&mut tx, &shop, now).await?;
    order(&mut tx, &closed, ("c1", 29, "24MB900101"), now, &mut rng(29, 900)).await?;
    Ok(tx.commit().await?)
}

/// Somebody of the demo's staff.
pub(super) async fn member(conn: &mut PgConnection, login: &str) -> anyhow::Result<Actor> {
    let login: Login = login.parse()?;
    let account = match find_by_login(conn, &login).await? {
        Some(staff_id) => find(conn, staff_id).await?,
        None => None,
    };
    let account = account.ok_or_else(|| anyhow::anyhow!("{login} of the demo is not there"))?;
    let member = Member { staff_id: account.staff_id, login, name: account.name, roles: account.roles };
    Ok(Actor::Member { member, address: IpAddr::V4(Ipv4Addr::LOCALHOST) })
}

fn shop(today: NaiveDate) -> Typed {
    Typed {
        name: "云桥数码专营店".to_owned(),
        operator_name: "福州云桥示例网络科技有限公司".to_owned(),
        credit_code: "91350102MA0DEMQ01J".to_owned(),
        contact_name: "吴桐".to_owned(),
        contact_phone: "0591-88880000".to_owned(),
        addresses: "https://yunqiao.example/\n示例商城 云桥数码专营店".to_owned(),
        regions: vec!["全国".to_owned()],
        scheme_ids: "24MB900101 24MB900102 24MB900106 24MB900114".to_owned(),
        valid_from: (today - Days::new(200)).to_string(),
        valid_until: (today + Days::new(400)).to_string(),
    }
}

fn closed_shop(today: NaiveDate) -> Typed {
    Typed {
        name: "掌上优选".to_owned(),
        operator_name: "广州掌优示例信息服务有限公司".to_owned(),
        credit_code: "91440101MA0DEMQ02R".to_owned(),
        contact_name: "梁栋".to_owned(),
        contact_phone: "020-66660000".to_owned(),
        addresses: "https://zhangyou.example/".to_owned(),
        regions: vec!["广东".to_owned(), "浙江".to_owned()],
        scheme_ids: "24MB900101 24MB900110".to_owned(),
        ..shop(today)
    }
}

/// The orders of today, as the shop sent them; some are beyond what it may.
async fn sell(conn: &mut PgConnection, shop: &ChannelId, now: DateTime<Utc>) -> anyhow::Result<()> {
    // What belongs to a month whose bills are made stays as it is.
    let first = (now - ORDERS).max(Month::of(now).start());
    let step = (now - first) / 20;
    for ((n, scheme_id, is_answered), nth) in TODAY.into_iter().zip(0..) {
        let at = first + step * (2 * nth);
        let key = format!("order-{n}");
        let answer = order(conn, shop, (&key, n, scheme_id), at, &mut rng(n, 900)).await?;
        let subscriber = find_by_msisdn(conn, &msisdn(n)?).await?;
        if let (Some(Answer::Asked { .. }), Some(subscriber), true) = (answer, subscriber, is_answered) {
            let id = subscriber.subscriber_id;
            incoming(conn, id, &format!("demo-channel-{n}"), "Y", at + step).await?;
        }
    }
    Ok(())
}

/// `None`: the subscriber is being asked something else.
async fn order(
    conn: &mut PgConnection,
    channel_id: &ChannelId,
    (key, n, scheme_id): (&str, u32, &str),
    at: DateTime<Utc>,
    rng: &mut ChaCha20Rng,
) -> anyhow::Result<Option<Answer>> {
    let (msisdn, scheme_id): (_, SchemeId) = (msisdn(n)?, scheme_id.parse()?);
    let digest = Sha256::digest(format!("{msisdn} {scheme_id}")).into();
    let received = Received { key, digest, msisdn: &msisdn, scheme_id: &scheme_id };
    match receive(conn, channel_id, &received, at, rng).await {
        Ok(answer) => Ok(Some(answer)),
        Err(ChannelError::Busy { .. } | ChannelError::TooMany { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
