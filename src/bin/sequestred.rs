//! `sequestred`, the daemon: arguments and nothing else.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use sd_notify::NotifyState;
use sequestre::daemon::config::{Config, Overrides};
use sequestre::daemon::logging::Logging;
use sequestre::daemon::{self, InitOutcome};
use sequestre::escrow::id::OrganisationId;
use sequestre::seal::founding::FoundingCode;
use sequestre::seal::harden::harden;
use sequestre::store::backup::backup;
use sequestre::store::fsck::fsck;
use tokio::signal::unix::{SignalKind, signal};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; for run: stopped on request, everything acknowledged is on disk
  1  not done; the reason is on standard error
  2  wrong arguments
  3  fsck found something that does not hold";

/// Keeps associations' web accounts in escrow: the daemon.
#[derive(Parser)]
#[command(name = "sequestred", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a data folder and print the code with which a first organisation can be founded.
    #[command(after_help = EXIT_CODES)]
    Init {
        #[command(flatten)]
        folder: Folder,
        /// Name under which clients reach the daemon: host, or host:port.
        #[arg(long)]
        name: String,
        /// Address and port to listen on.
        #[arg(long, default_value = "[::]:7443")]
        listen: SocketAddr,
    },
    /// Serve a data folder until SIGTERM or SIGINT. SIGHUP: read the configuration again.
    #[command(after_help = EXIT_CODES)]
    Run {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Recompute everything from the entries and say what does not hold. The daemon may run meanwhile.
    #[command(after_help = EXIT_CODES)]
    Fsck {
        #[command(flatten)]
        folder: Folder,
    },
    /// Copy the database to a new file. The daemon may run meanwhile.
    #[command(after_help = EXIT_CODES)]
    Backup {
        #[command(flatten)]
        folder: Folder,
        /// The new file. It is never overwritten, and holds the log keys: keep it as you keep the data folder.
        file: PathBuf,
    },
    /// Ask the daemon on this machine whether it answers, as its clients would.
    #[command(after_help = EXIT_CODES)]
    Health {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Print a code with which one more organisation can be founded. The daemon may run meanwhile.
    #[command(after_help = EXIT_CODES)]
    Token {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Restore an organisation from its people's copies, on a data folder that no daemon serves, and print where its log can go on.
    #[command(after_help = EXIT_CODES)]
    Restore {
        #[command(flatten)]
        folder: Folder,
        /// A copy: the folder of the organisation in somebody's home, or that home. Several are put together.
        #[arg(long, value_name = "DIR", required = true)]
        replica: Vec<PathBuf>,
        /// Which organisation, if a home has several.
        #[arg(long, value_name = "ID")]
        organisation: Option<OrganisationId>,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Print again where a restored organisation's log can go on, for the people who move. The daemon may run meanwhile.
    #[command(after_help = EXIT_CODES)]
    Place {
        #[command(flatten)]
        folder: Folder,
        /// Which organisation, if several wait here.
        #[arg(long, value_name = "ID")]
        organisation: Option<OrganisationId>,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Print the configuration in effect.
    #[command(after_help = EXIT_CODES)]
    Config {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        overrides: Overrides,
    },
}

#[derive(Args)]
struct Folder {
    /// The data folder.
    #[arg(long, value_name = "DIR", env = "SEQUESTRED_DATA")]
    data: PathBuf,
}

fn main() -> ExitCode {
    let hardening = harden();
    match act(Arguments::parse().command, hardening) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sequestred: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn act(command: Command, hardening: sequestre::seal::harden::Hardening) -> Result<ExitCode, Box<dyn Error>> {
    match command {
        Command::Init { folder, name, listen } => {
            let InitOutcome { server_key, founding } = daemon::init(&folder.data, &name, listen)?;
            println!("# Data folder: {}", folder.data.display());
            println!("# Server key: {}", hex::encode(server_key.as_bytes()));
            print_founding(&founding)?;
        }
        Command::Run { folder, overrides } => {
            let logging = Logging::start(&Config::load(&folder.data, &overrides)?)?;
            tracing::info!(?hardening, "starting");
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve(&folder.data, &overrides, logging))?;
        }
        Command::Backup { folder, file } => {
            for (organisation, size) in backup(&folder.data, &file)?.sizes {
                println!("{organisation}: {size} entries");
            }
        }
        Command::Health { folder, overrides } => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(daemon::health(&folder.data, &overrides))?;
        }
        Command::Fsck { folder } => {
            let report = fsck(&folder.data)?;
            for finding in &report.findings {
                let organisation = finding.organisation.map_or("all".to_owned(), |id| id.to_string());
                let index = finding.index.map_or("-".to_owned(), |index| index.to_string());
                println!("{organisation} entry {index}: {}", finding.reason);
            }
            println!(
                "{} organisations, {} entries, {} blobs checked: {} findings",
                report.organisations,
                report.entries,
                report.blobs,
                report.findings.len()
            );
            if !report.findings.is_empty() {
                return Ok(ExitCode::from(3));
            }
        }
        Command::Token { folder, overrides } => print_founding(&daemon::allow_founding(&folder.data, &overrides)?)?,
        Command::Restore { folder, replica, organisation, overrides } => {
            let outcome = daemon::restore(&folder.data, &overrides, &replica, organisation)?;
            let restored = &outcome.restored;
            println!("# Restored: {} entries, {} blobs", restored.head.size, restored.blobs);
            if !restored.missing.is_empty() {
                println!(
                    "# Missing: {} blobs that no copy has. With another trustee's copy, begin anew in a new data folder.",
                    restored.missing.len()
                );
                restored.missing.iter().for_each(|blob| println!("#   {blob}"));
            }
            println!(
                "# It waits for its people to move here. Start the daemon, and send a trustee this text, also in"
            );
            println!("# {}", outcome.path.display());
            print!("{}", outcome.text);
        }
        Command::Place { folder, organisation, overrides } => {
            print!("{}", daemon::place(&folder.data, &overrides, organisation)?);
        }
        Command::Config { folder, overrides } => print!("{}", Config::load(&folder.data, &overrides)?.to_toml()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves until a signal says stop, and tells the service manager, if one started this.
async fn serve(data: &Path, overrides: &Overrides, logging: Logging) -> Result<(), Box<dyn Error>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tell(&[NotifyState::Stopping]);
    };
    let running = daemon::run(data, overrides, daemon::system_clock(), shutdown).await?;
    tell(&[NotifyState::Ready]);
    let reload = running.reload.clone();
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match NotifyState::monotonic_usec_now() {
                Ok(now) => tell(&[NotifyState::Reloading, now]),
                Err(error) => tracing::warn!(%error, "the service manager was not told of the reload"),
            }
            // It reads files. What is not right was said in the log, and changes nothing.
            let _ = tokio::task::block_in_place(|| reload.run(Some(&logging)));
            tell(&[NotifyState::Ready]);
        }
    });
    Ok(running.stopped().await?)
}

/// Tells the service manager; nobody, if there is none.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager was not told");
    }
}

/// Prints the code with what it is for; the lines that begin with # may be pasted along.
fn print_founding(founding: &FoundingCode) -> Result<(), Box<dyn Error>> {
    let code = founding.to_code()?;
    println!("# Whoever has this code can found one organisation at {}: sequestre found", founding.address.as_str());
    println!("{}", code.expose_str().unwrap_or_default());
    Ok(())
}
