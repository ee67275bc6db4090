//! The simulated gateway: on a port of this machine, by the wire format of WeChat Pay and not one line of the code that speaks
//! to it. Where people pay is a page of the portal (`/demo/pay/…`); its books are in the database, so that it can be killed.
//!
//! Its keys are in `keys/` for everybody to read: what they sign and seal is no money.

mod callbacks;
mod statement;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use charging::clock::SharedClock;
use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::gateway::wechat::{Account, Merchant};

const MERCHANT_ID: &str = "1900000001";
const MERCHANT_SERIAL: &str = "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C";
const PLATFORM_SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";
const APPID: &str = "wxdemo0000000001";
const API_KEY: &str = "demo-demo-demo-demo-demo-demo-32";
const MERCHANT_KEY: &str = include_str!("keys/merchant.pem");
const MERCHANT_PUBLIC_KEY: &str = include_str!("keys/merchant-public.pem");
const PLATFORM_KEY: &str = include_str!("keys/platform.pem");
const PLATFORM_CERTIFICATE: &str = include_str!("keys/platform-certificate.pem");

/// How badly it behaves.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(id = "simulated_gateway")]
pub struct Args {
    /// Of a hundred requests to the simulated gateway so many fail, half of them after they were done.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    gateway_fail_percent: u8,
    /// Of a hundred callbacks of the simulated gateway so many come twice.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    gateway_twice_percent: u8,
}

/// What a simulator is like.
#[derive(Clone, Debug)]
pub struct Nature {
    pub fail_percent: u8,
    pub twice_percent: u8,
    /// How long a refund takes to arrive.
    pub refund_takes: TimeDelta,
    /// Where the pages are on which people pay, without a slash at the end.
    pub pay_url: String,
    /// Chance.
    pub seed: u64,
}

impl Args {
    /// `pay_url`: the address of the portal.
    pub fn nature(self, pay_url: &str) -> Nature {
        Nature {
            fail_percent: self.gateway_fail_percent,
            twice_percent: self.gateway_twice_percent,
            refund_takes: TimeDelta::seconds(2),
            pay_url: pay_url.to_owned(),
            seed: rand::rng().random(),
        }
    }
}

/// Who we are to a simulator at an address.
///
/// # Errors
/// Never, with the keys that are here.
pub fn account(url: String) -> anyhow::Result<Account> {
    Ok(Account {
        merchant: Merchant::new(MERCHANT_ID, MERCHANT_SERIAL, MERCHANT_KEY)?,
        appid: APPID.to_owned(),
        api_key: API_KEY.parse()?,
        platform_key: None,
        url,
    })
}

/// What the simulator works with.
#[derive(Clone)]
struct Desk {
    pool: PgPool,
    clock: SharedClock,
    nature: Nature,
    chance: Arc<Mutex<StdRng>>,
    keys: Arc<wire::Keys>,
}

impl Desk {
    fn happens(&self, percent: u8) -> bool {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..100) < percent
    }
}

/// A simulator that runs.
#[derive(Debug)]
pub struct Simulator {
    /// Scheme and host.
    url: String,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Simulator {
    /// Opens it on a port of this machine.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(pool: PgPool, clock: SharedClock, nature: Nature) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("the simulated gateway has no port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let chance = Arc::new(Mutex::new(StdRng::seed_from_u64(nature.seed)));
        let desk = Desk { pool, clock, nature, chance, keys: Arc::new(wire::Keys::new()?) };
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let routes = wire::routes(desk.clone(), url.clone());
        let mut ended = stopped.clone();
        tasks.spawn(async move {
            let told = async move {
                ended.wait_for(|stop| *stop).await.ok();
            };
            if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(told).await {
                tracing::error!(%error, "the simulated gateway ended");
            }
        });
        tasks.spawn(callbacks::run(desk, stopped));
        Ok(Self { url, stop, tasks })
    }

    /// Who we are to it.
    ///
    /// # Errors
    /// Never, with the keys that are here.
    pub fn account(&self) -> anyhow::Result<Account> {
        account(self.url.clone())
    }

    /// Where it is: scheme and host.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets what is being answered be answered.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}
