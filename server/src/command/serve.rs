//! `mingbai serve`

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use app::state::AppState;
use axum::serve::ListenerExt as _;
use charging::consent::key::signing_key;
use charging::staff::{self, StaffKey};
use ipnet::IpNet;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::command::demo;
use crate::context::Context;
use crate::demo::channels;
use crate::demo::gateway::{self as simulated, Simulator};
use crate::gateway::Cashier;
use crate::gateway::wechat::WechatPay;
use crate::web::{self, Gathering, Settings, Site};
use crate::worker::Workers;
use crate::{call, gateway, network, sms};

/// Requests in progress get so long to end once the server is told to stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address to listen on.
    #[arg(long, env = "MINGBAI_ADDR", default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// Load demo data on first start, and offer the simulated handset.
    #[arg(long)]
    demo: bool,
    /// Where browsers find the portal, if not at the address it listens on.
    #[arg(long, env = "MINGBAI_PUBLIC_URL")]
    public_url: Option<String>,
    /// Networks of the operator's own proxies, such as 10.0.0.0/8, separated by commas: their `X-Forwarded-For` is believed.
    #[arg(long, env = "MINGBAI_PROXIES", value_delimiter = ',')]
    proxies: Vec<IpNet>,
    /// What the operator's network functions must send as bearer token. Without it only programs on this machine may
    /// ask for charging and follow caps, and nobody where a public URL says that a proxy stands before the portal.
    #[arg(long, env = "MINGBAI_NETWORK_TOKEN", hide_env_values = true)]
    network_token: Option<String>,
    #[command(flatten)]
    sms: sms::Args,
    #[command(flatten)]
    call: call::Args,
    #[command(flatten)]
    gateway: gateway::Args,
    #[command(flatten)]
    simulated_gateway: simulated::Args,
}

/// # Errors
/// When the address cannot be listened on, or demo data cannot be loaded.
pub async fn run(args: Args, context: &Context) -> anyhow::Result<()> {
    let sms = args.sms.settings()?;
    let calls = args.call.settings(args.demo)?;
    let gateway = args.gateway.settings(args.demo)?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(args.addr).await.with_context(|| format!("cannot listen on {}", args.addr))?;
    let address = listener.local_addr()?;
    if args.demo {
        demo::load(context).await?;
    }
    let staff_key = context.staff_key(args.demo)?;
    prepare_staff(context, staff_key.as_ref(), args.demo).await?;
    signing_key(&mut *context.pool.acquire().await?, context.clock.now(), &mut StdRng::from_os_rng()).await?;
    let site = Site::find();
    let state = AppState {
        pool: context.pool.clone(),
        clock: context.clock.clone(),
        demo: args.demo,
        calls: calls.is_some(),
        payments: gateway.is_some(),
        staff_key,
        // Behind a proxy that speaks TLS, too, which is said by the address that browsers are told.
        secure: !address.ip().is_loopback() || is_https(args.public_url.as_deref()),
        leptos_options: web::options(&site, address),
    };
    let access = network::Access::new(args.network_token.as_deref(), args.public_url.is_some());
    let public_url = args.public_url.unwrap_or_else(|| format!("http://{address}"));
    let public_url = public_url.trim_end_matches('/').to_owned();
    let cash = Cash::open(&state, gateway, args.simulated_gateway, &public_url, address).await?;
    let callback_url = format!("{public_url}{}", call::STATUS_PATH);
    let caller = calls.clone().map(|calls| call::Caller::new(&state, calls, callback_url)).transpose()?;
    let network = network::Settings { access, public_url };
    let call_key = calls.and_then(|calls| calls.service).map(|service| service.key);
    let gateway = cash.gateway.clone();
    let settings = Settings { secure: state.secure, site, network, call_key, gateway };
    let workers = Workers::start(&state, sms, caller, cash.cashier(&state))?;
    let portal =
        web::behind(args.proxies, web::router(state, &settings)).into_make_service_with_connect_info::<SocketAddr>();
    let (stop, stopped) = watch::channel(false);
    let listener = Gathering(listener).tap_io(|connection| connection.set_nodelay());
    let server = axum::serve(listener, portal).with_graceful_shutdown(told(stopped.clone()));
    println!("Mingbai is at http://{address}/");
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        ended = &mut server => ended??,
    }
    stop.send_replace(true);
    if !server.is_finished() && tokio::time::timeout(STOP_TIME_MAX, &mut server).await.is_err() {
        tracing::warn!("some requests did not end in time");
        server.abort();
    }
    workers.stop().await;
    if let Some(simulator) = cash.simulator {
        simulator.stop().await;
    }
    Ok(())
}

/// The gateway that takes payments, if any, and its simulator where it is one.
struct Cash {
    gateway: Option<Arc<WechatPay>>,
    simulator: Option<Simulator>,
}

impl Cash {
    async fn open(
        state: &AppState,
        settings: Option<gateway::Settings>,
        nature: simulated::Args,
        public_url: &str,
        address: SocketAddr,
    ) -> anyhow::Result<Self> {
        let (account, simulator, notified_at) = match settings {
            None => return Ok(Self { gateway: None, simulator: None }),
            Some(gateway::Settings::Wechat(account)) => (*account, None, public_url.to_owned()),
            Some(gateway::Settings::Simulated) => {
                let nature = nature.nature(public_url);
                let simulator = Simulator::start(state.pool.clone(), state.clock.clone(), nature).await?;
                (simulator.account()?, Some(simulator), format!("http://{address}"))
            }
        };
        let notify_url = format!("{notified_at}{}", gateway::NOTIFY_PATH);
        let gateway = WechatPay::new(account, notify_url, state.clock.clone()).context("TLS cannot be set up")?;
        Ok(Self { gateway: Some(Arc::new(gateway)), simulator })
    }

    fn cashier(&self, state: &AppState) -> Option<Cashier> {
        let gateway = self.gateway.clone()?;
        Some(Cashier::new(state.pool.clone(), state.clock.clone(), gateway))
    }
}

fn is_https(public_url: Option<&str>) -> bool {
    public_url.is_some_and(|url| url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")))
}

/// In demo mode there is somebody for each role; without it, nobody stays signed in as one of them.
async fn prepare_staff(context: &Context, key: Option<&StaffKey>, demo: bool) -> anyhow::Result<()> {
    match key {
        Some(key) if demo => {
            staff::demo::ensure(&context.pool, key, context.clock.now(), &mut StdRng::from_os_rng()).await?;
            crate::demo::withdrawal::ensure(&context.pool, context.clock.now()).await?;
            crate::demo::drafts::ensure(&context.pool, context.clock.now()).await?;
            channels::ensure(&context.pool, context.clock.now()).await.context("the demo's channels")?;
        }
        _ => staff::demo::sign_out(&mut *context.pool.acquire().await?).await?,
    }
    if key.is_none() {
        tracing::warn!("nobody of the staff can sign in: MINGBAI_STAFF_KEY is not set");
    }
    Ok(())
}

async fn told(mut stopped: watch::Receiver<bool>) {
    stopped.wait_for(|stop| *stop).await.ok();
}
