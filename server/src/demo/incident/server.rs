//! The server that is killed: the portal and its workers in a process of their own, with the simulated gateway in another.

use std::io::Read as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use app::state::AppState;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::Night;
use crate::context::Context;
use crate::demo::gateway;
use crate::gateway::wechat::WechatPay;
use crate::gateway::{Cashier, NOTIFY_PATH};
use crate::network;
use crate::web::{self, Settings, Site};
use crate::worker::Workers;

/// The hidden command that is the server.
const COMMAND: &str = "incident-server";
const LISTENS: &str = "listens on ";

/// A server in a process of its own.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts one on a port of this machine, and waits until it listens.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(night: &Night, gateway_url: &str) -> anyhow::Result<Self> {
        Self::start_at(night, gateway_url, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// The same at an address, where the gateway finds the one that was there before.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_at(night: &Night, gateway_url: &str, address: SocketAddr) -> anyhow::Result<Self> {
        let mut command = Command::new(&night.program);
        command.args(["demo", COMMAND, "--addr", &address.to_string(), "--gateway", gateway_url]);
        if let Some(url) = &night.database_url {
            command.env("DATABASE_URL", url);
        }
        if std::env::var_os("RUST_LOG").is_none() {
            // It warns of each answer that fails.
            command.env("RUST_LOG", "error");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().with_context(|| format!("cannot run {}", night.program.display()))?;
        let said = process.stdout.take().context("the server says nothing")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line).await?;
        let Some(address) = line.trim().strip_prefix(LISTENS) else {
            bail!("the server did not start: {}", process.wait().await?);
        };
        Ok(Self { process, address: address.parse()? })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("the server ended by itself: {status}");
        }
        Ok(self.process.kill().await?)
    }

    /// Lets it finish what it is doing.
    ///
    /// # Errors
    /// When it ends with an error.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.process.stdin.take());
        let status = self.process.wait().await?;
        if status.success() { Ok(()) } else { bail!("the server ended with {status}") }
    }
}

/// Is the server, until the process that started it ends or lets it go.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(context: &Context, address: SocketAddr, gateway_url: String) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    let site = Site::find();
    let state = AppState {
        pool: context.pool.clone(),
        clock: context.clock.clone(),
        // Messages go to the simulated handset.
        demo: true,
        calls: false,
        payments: true,
        staff_key: None,
        secure: false,
        leptos_options: web::options(&site, address),
    };
    let notify_url = format!("http://{address}{NOTIFY_PATH}");
    let gateway = Arc::new(WechatPay::new(gateway::account(gateway_url)?, notify_url, context.clock.clone())?);
    let cashier = Cashier::new(context.pool.clone(), context.clock.clone(), gateway.clone());
    let network =
        network::Settings { access: network::Access::new(None, true), public_url: format!("http://{address}") };
    let settings = Settings { secure: false, site, network, call_key: None, gateway: Some(gateway) };
    let workers = Workers::start(&state, None, None, Some(cashier))?;
    let portal = web::router(state, &settings).into_make_service_with_connect_info::<SocketAddr>();
    println!("{LISTENS}{address}");
    axum::serve(listener, portal)
        .with_graceful_shutdown(async {
            let_go().await.ok();
        })
        .await?;
    workers.stop().await;
    Ok(())
}

/// Until nobody holds the other end of the standard input any more.
fn let_go() -> oneshot::Receiver<()> {
    let (end, ended) = oneshot::channel();
    std::thread::spawn(move || {
        std::io::stdin().read_to_end(&mut Vec::new()).ok();
        end.send(()).ok();
    });
    ended
}
