use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Rating and pages make many small values that do not live long; the system's allocator took a fifth of the time that
/// charging a session takes here.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    server::cli::main().await
}
