//! `mingbai serve-reference`, hidden: what `cargo xtask bench` measures the portal against.

use std::net::SocketAddr;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(long, env = "MINGBAI_ADDR", default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// Length of its only page.
    #[arg(long, default_value_t = 10_000)]
    bytes: usize,
}

/// Answers the same page to every request, until it is killed.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let page = axum::body::Bytes::from(" ".repeat(args.bytes));
    let listener = TcpListener::bind(args.addr).await?;
    println!("The reference is at http://{}/", listener.local_addr()?);
    axum::serve(listener, Router::new().fallback(get(async move || Html(page)))).await?;
    Ok(())
}
