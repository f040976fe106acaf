//! `sequestre request` as it is typed.

use std::path::PathBuf;

use super::{Asking, REQUEST_LIFE, Ways, exec, request};
use crate::client::failure::{Exit, Failure};
use crate::client::say::length;
use crate::client::session::Env;
use crate::escrow::part::PartKind;

/// `sequestre request`.
#[derive(Debug, clap::Args)]
pub struct RequestArgs {
    /// The account.
    label: String,
    /// How long.
    #[arg(long = "for", value_name = "1h")]
    duration: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Which parts.
    #[arg(long, value_name = "PART")]
    part: Vec<String>,
    /// An earlier version.
    #[arg(long, value_name = "N")]
    of_version: Option<u32>,
    /// How long the request stays open.
    #[arg(long, value_name = "72h")]
    open_for: Option<String>,
    /// A command to run with the access.
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// Where the command reads the secret.
    #[arg(long, value_name = "N", requires = "exec", value_parser = clap::value_parser!(u8).range(3..=9))]
    fd: Option<u8>,
    /// The public key to be certified.
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<PathBuf>,
    /// The administrator's secret itself.
    #[arg(long)]
    secret: bool,
    /// The secret of one-time codes, not the codes.
    #[arg(long)]
    totp_to_me: bool,
    /// Not by a standing right.
    #[arg(long)]
    ask: bool,
}

/// Does what the command line says. Gives the exit code: that of the command which was run with the access, or 0.
pub async fn run(env: &Env, args: RequestArgs) -> Result<u8, Failure> {
    let parts = args.part.iter().map(|name| part_kind(name)).collect::<Result<_, _>>()?;
    let asking = Asking {
        label: args.label,
        duration: length(&args.duration)?,
        reason: args.reason,
        parts,
        version: args.of_version,
        open_for: args.open_for.map_or(Ok(REQUEST_LIFE), |text| length(&text))?,
        how: Ways { secret: args.secret, totp_to_me: args.totp_to_me, ask: args.ask, ssh_key: args.ssh_key },
    };
    match args.exec {
        Some(command) => exec(env, &asking, &command, args.fd).await,
        None => request(env, asking).await.map(|()| 0),
    }
}

/// A part by its name on the command line.
///
/// # Errors
/// There is no such part.
pub fn part_kind(name: &str) -> Result<PartKind, Failure> {
    let all = PartKind::ALL.map(PartKind::as_str).join(", ");
    PartKind::from_name(name).ok_or_else(|| Failure::new(Exit::Usage, "failed-part-unknown").with("list", all))
}
