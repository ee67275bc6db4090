//! `mingbai serve`

use crate::context::Context;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address to listen on.
    #[arg(long, env = "MINGBAI_ADDR", default_value = "127.0.0.1:3000")]
    addr: std::net::SocketAddr,
    /// Load demo data on first start, and offer the simulated handset.
    #[arg(long)]
    demo: bool,
}

/// # Errors
/// When the address cannot be listened on.
pub async fn run(args: Args, context: &Context) -> anyhow::Result<()> {
    let _ = (args.demo, context);
    let _listener = tokio::net::TcpListener::bind(args.addr).await?;
    Ok(())
}
