//! `mingbai staff`

use std::env;

use anyhow::{Context as _, bail};
use charging::clock::shanghai;
use charging::staff::account::{add, block, find_by_login, list, reset, set_roles, unblock};
use charging::staff::enrolment::Open;
use charging::staff::{Actor, Login, Role, StaffKey, demo};
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use sqlx::PgConnection;

use crate::context::Context;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add somebody of the operator, and print the link by which password and authenticator are set up.
    Add {
        /// The sign-in name: 3 to 41 small letters, digits, `.`, `_` or `-`.
        login: Login,
        /// What the person is there for; can be given several times.
        #[arg(long = "role", required = true, value_parser = role())]
        roles: Vec<Role>,
        /// The name to show. Left out: the sign-in name.
        #[arg(long)]
        name: Option<String>,
    },
    /// Show who there is.
    List,
    /// Give somebody these roles and no others.
    Roles {
        login: Login,
        #[arg(long = "role", required = true, value_parser = role())]
        roles: Vec<Role>,
    },
    /// Sign somebody out everywhere, and let him in no more.
    Block { login: Login },
    /// Let somebody in again who was blocked.
    Unblock { login: Login },
    /// Take password and authenticator away, and print the link by which new ones are set up.
    Reset { login: Login },
}

/// A role by its name; `--help` lists them.
fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|name| name.parse::<Role>())
}

/// # Errors
/// When the account cannot be changed so, or the database fails.
pub async fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    let now = context.clock.now();
    let engineer = Actor::Engineer;
    let mut tx = context.pool.begin().await?;
    match command {
        Command::Add { login, roles, name } => {
            if demo::is_demo(login.as_str()) {
                bail!("names that begin with `demo.` are those of the demo");
            }
            let name = name.unwrap_or_else(|| login.to_string());
            let (_, open) = add(&mut tx, &key(context)?, &engineer, (&login, &name, &roles), now).await?;
            tx.commit().await?;
            println!("added {login}");
            tell(&open);
        }
        Command::List => return print_list(&mut tx).await,
        Command::Roles { login, roles } => {
            let staff_id = of(&mut tx, &login).await?;
            set_roles(&mut tx, &engineer, staff_id, &roles, now).await?;
            tx.commit().await?;
            println!("{login} has other roles, and is signed out");
        }
        Command::Block { login } => {
            let staff_id = of(&mut tx, &login).await?;
            block(&mut tx, &engineer, staff_id, now).await?;
            tx.commit().await?;
            println!("blocked {login}, who is signed out");
        }
        Command::Unblock { login } => {
            let staff_id = of(&mut tx, &login).await?;
            unblock(&mut tx, &engineer, staff_id, now).await?;
            tx.commit().await?;
            println!("unblocked {login}");
        }
        Command::Reset { login } => {
            let staff_id = of(&mut tx, &login).await?;
            let open = reset(&mut tx, &key(context)?, &engineer, staff_id, now).await?;
            tx.commit().await?;
            println!("reset {login}, who is signed out");
            tell(&open);
        }
    }
    Ok(())
}

fn key(context: &Context) -> anyhow::Result<StaffKey> {
    context.staff_key(false)?.context(
        "set MINGBAI_STAFF_KEY to the key of the server, which has 64 hexadecimal digits (`openssl rand -hex 32`)",
    )
}

async fn of(conn: &mut PgConnection, login: &Login) -> anyhow::Result<i64> {
    find_by_login(conn, login).await?.with_context(|| format!("nobody signs in as {login}"))
}

fn tell(open: &Open) {
    let site = env::var("MINGBAI_PUBLIC_URL").unwrap_or_default();
    let until = open.expires_at.with_timezone(&shanghai()).format("%Y-%m-%d %H:%M in China");
    println!("to set up password and authenticator, once, until {until}:");
    println!("{}/staff/enrol/{}", site.trim_end_matches('/'), open.ticket);
}

async fn print_list(conn: &mut PgConnection) -> anyhow::Result<()> {
    for account in list(conn).await? {
        let state = match (account.blocked_at, account.enrolled) {
            (Some(_), _) => "blocked",
            (None, true) => "open",
            (None, false) => "not set up",
        };
        let roles = account.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        println!("{}\t{state}\t{roles}\t{}", account.login, account.name);
    }
    Ok(())
}
