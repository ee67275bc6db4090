//! A manager, an approver, and a channel that may sell the add-on and the pack in Beijing all through 2026.

use std::net::{IpAddr, Ipv4Addr};

use charging::channel::order::{Answer, Received, receive};
use charging::channel::store::{ChannelError, decide, register};
use charging::channel::{ChannelId, Terms, Typed};
use charging::consent::incoming::incoming;
use charging::staff::{Actor, Member, Role};
use charging::subscriber::Msisdn;
use chrono::{DateTime, Utc};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use crate::world::{ADDON, PACK, at};

pub struct Agents {
    pub app: PgPool,
    pub manager: Actor,
    pub approver: Actor,
    pub channel_id: ChannelId,
}

pub fn terms() -> Terms {
    Terms::read(&Typed {
        name: "云桥数码专营店".to_owned(),
        operator_name: "福州云桥网络科技有限公司".to_owned(),
        credit_code: "91350100M000100Y43".to_owned(),
        contact_name: "吴桐".to_owned(),
        contact_phone: "0591-88880000".to_owned(),
        addresses: "https://yunqiao.example/".to_owned(),
        regions: vec!["北京".to_owned()],
        scheme_ids: format!("{ADDON} {PACK}"),
        valid_from: "2026-01-01".to_owned(),
        valid_until: "2026-12-31".to_owned(),
    })
    .unwrap()
}

async fn member(app: &PgPool, login: &str, role: Role) -> Actor {
    let add = "insert into staff (login, name, created_at) values ($1, $1, now()) returning staff_id";
    let staff_id = sqlx::query_scalar(add).bind(login).fetch_one(app).await.unwrap();
    let member = Member { staff_id, login: login.parse().unwrap(), name: login.to_owned(), roles: vec![role] };
    Actor::Member { member, address: IpAddr::V4(Ipv4Addr::LOCALHOST) }
}

impl Agents {
    pub async fn new(app: &PgPool) -> Self {
        let manager = member(app, "lin.xiao", Role::TariffManager).await;
        let approver = member(app, "zhou.zheng", Role::TariffApprover).await;
        let on = at("2026-01-01T09:00:00+08:00");
        let mut tx = app.begin().await.unwrap();
        let channel_id = register(&mut tx, &manager, &terms(), on).await.unwrap();
        decide(&mut tx, &approver, (&channel_id, 1), (true, ""), on).await.unwrap();
        tx.commit().await.unwrap();
        Self { app: app.clone(), manager, approver, channel_id }
    }

    /// An order of the channel for number `n`.
    pub async fn order(&self, key: &str, n: u32, scheme_id: &str, on: DateTime<Utc>) -> Result<Answer, ChannelError> {
        let msisdn: Msisdn = format!("138{n:08}").parse().unwrap();
        let scheme_id = scheme_id.parse().unwrap();
        let digest = Sha256::digest(format!("{msisdn} {scheme_id}")).into();
        let order = Received { key, digest, msisdn: &msisdn, scheme_id: &scheme_id };
        let mut tx = self.app.begin().await.unwrap();
        let answer = receive(&mut tx, &self.channel_id, &order, on, &mut ChaCha20Rng::seed_from_u64(7)).await;
        if answer.is_ok() {
            tx.commit().await.unwrap();
        }
        answer
    }

    /// An SMS of a subscriber.
    pub async fn reply(&self, subscriber_id: i64, id: &str, text: &str, on: DateTime<Utc>) {
        let mut tx = self.app.begin().await.unwrap();
        incoming(&mut tx, subscriber_id, id, text, on).await.unwrap();
        tx.commit().await.unwrap();
    }
}
