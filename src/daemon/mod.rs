//! The daemon: what runs on the association's host.
//!
//! | module | what it is for |
//! |---|---|
//! | `callers` | who is calling |
//! | [`config`] | the data folder's configuration file |
//! | [`logging`] | log lines |
//! | [`reload`] | the configuration, read again while it runs |
//! | [`metrics`] | numbers for Prometheus |
//! | [`link`] | the listener: TLS links within limits |
//! | [`gate`] | what every call passes |
//! | [`service`] | the gRPC service |
//! | [`refused`] | every refusal, as clients see it |
//! | [`limits`] | how often somebody may ask, and how much at once |
//! | `timers` | when the writer wakes by itself |
//! | [`writer`] | the single writer |
//! | [`opened`] | what is open to the daemon, in memory only |
//! | [`live`] | keys, codes and tries, for those who may |
//! | [`codes`] | one-time passwords from a secret that stays here |
//! | [`work`] | what is to be done at targets |
//!
//! The data folder holds `sequestre.db`, `sequestred.toml` and `server.key`. [`init`] makes it, [`restore`] brings an
//! organisation back into it from its people's replicas, [`run`] serves it; the
//! whole daemon can run inside another process, which the demo and the tests do.
//!
//! The daemon is never the judge: it applies the same rules as everybody else, and clients verify what it says. It
//! must never write a secret, a token or a text to its log.

mod callers;
pub mod codes;
pub mod config;
pub mod gate;
mod key;
pub mod limits;
pub mod link;
pub mod live;
pub mod logging;
pub mod metrics;
pub mod opened;
pub mod refused;
pub mod reload;
pub mod service;
mod timers;
pub mod work;
pub mod writer;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus as Answer;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::{HealthReporter, health_reporter};

use self::callers::Callers;
use self::config::{Config, ConfigError, Overrides};
use self::gate::GateLayer;
use self::live::Live;
use self::metrics::{Metrics, Page};
use self::reload::Reload;
use self::service::{Own, Service};
use self::work::krl::Lists;
use self::work::target::Connectors;
use self::work::{Board, Runner};
use self::writer::{Clock, Writer, WriterThread};
use crate::escrow::id::OrganisationId;
use crate::escrow::key::VerifyingKey;
use crate::escrow::moving::MovePlace;
use crate::escrow::time::Time;
use crate::proto::DESCRIPTORS;
use crate::proto::api::v1::escrow_server::{EscrowServer, SERVICE_NAME};
use crate::seal::founding::FoundingCode;
use crate::seal::invitation::ServerAddress;
use crate::seal::moving::place_file;
use crate::store::reader::Reader;
use crate::store::restore::{self, RestoreError, Restored, Waiting};
use crate::store::{Store, StoreError};
use crate::tls::{self, BadTlsKey, ConnectError};

pub use self::key::KeyFileError;

/// Reading connections to the database.
const READERS: usize = 4;
/// How often the database is asked whether it answers.
const HEALTH_INTERVAL: Duration = Duration::from_secs(15);
/// How long calls that run may go on when the daemon stops.
const DRAIN: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// HTTP/2 headers of one call, in bytes; ours have a few hundred.
const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// What a connection may have sent that no call has read yet, in bytes.
const WINDOW_BYTES: u32 = 256 * 1024;

/// Why the daemon does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A restoration.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The file of the new place.
    #[error(
        "the association was restored, but {} could not be written; keep this text and pass it on, it is said only \
         once:\n{text}", path.display()
    )]
    Place {
        /// The file.
        path: PathBuf,
        /// What was to stand in it: without it the new log key is of no use to anybody.
        text: String,
        /// What the system said.
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server's key.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The key does not serve for TLS.
    #[error(transparent)]
    Tls(#[from] BadTlsKey),
    /// The address cannot be listened on.
    #[error("could not listen on {address}; check that it is this machine's and that no other program uses it")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing to check targets with.
    #[error("the system's certificate authorities could not be read; install them (Debian: ca-certificates)")]
    Authorities(#[source] io::Error),
    /// No port for the founding code.
    #[error("neither the name nor the address to listen on has a port; give one, as in escrow.example.org:7443")]
    NoPort,
    /// A part of the daemon failed.
    #[error("the daemon failed inside ({0}); what it acknowledged is kept, start it again and report this")]
    Failed(&'static str),
    /// No connection to the daemon that was asked how it is.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It answers, but not well.
    #[error("the daemon at {0} answers, but its database does not, or it is stopping; look at its log")]
    Unhealthy(String),
    /// The server gave up.
    #[error("serving failed; what was acknowledged is kept, start the daemon again")]
    Serve(#[source] tonic::transport::Error),
}

/// A new data folder.
pub struct InitOutcome {
    /// The key that clients pin.
    pub server_key: VerifyingKey,
    /// The permission to found the first organisation.
    pub founding: FoundingCode,
}

/// Makes the data folder `dir` (its parent must exist): database, configuration, server key. Never overwrites.
pub fn init(dir: &Path, name: &str, listen: SocketAddr) -> Result<InitOutcome, DaemonError> {
    let config = Config::new(name, listen)?;
    if config.address().is_none() {
        return Err(DaemonError::NoPort);
    }
    // The database comes last: where it is, everything is, and where it is not, this can be done again.
    let folder = Store::make_folder(dir)?;
    let server_key = key::create(dir)?.public();
    config.write_new(dir)?;
    folder.init()?;
    let founding = allow_founding(dir, &Overrides::default())?;
    Ok(InitOutcome { server_key, founding })
}

/// Permits one more founding. A daemon may run on the same folder.
pub fn allow_founding(dir: &Path, overrides: &Overrides) -> Result<FoundingCode, DaemonError> {
    let config = Config::load(dir, overrides)?;
    let address = config.address().ok_or(DaemonError::NoPort)?;
    let server_key = key::load(dir)?.public();
    let token = Store::allow_founding_in(dir)?;
    Ok(FoundingCode::new(server_key, address, &token))
}

/// What a restoration gave.
pub struct RestoreOutcome {
    /// What was restored.
    pub restored: Restored,
    /// Where the log can go on, for those who sign the move.
    pub place: MovePlace,
    /// The file that says so, as text.
    pub text: String,
    /// Where that file lies.
    pub path: PathBuf,
}

/// Restores an organisation from its people's replicas into the data folder `dir`, which no daemon has open. It waits
/// there until its people move; the file that they need for it is left in the folder.
pub fn restore(
    dir: &Path,
    overrides: &Overrides,
    replicas: &[PathBuf],
    organisation: Option<OrganisationId>,
) -> Result<RestoreOutcome, DaemonError> {
    let config = Config::load(dir, overrides)?;
    let address = config.address().ok_or(DaemonError::NoPort)?;
    let server_key = key::load(dir)?.public();
    let restored = restore::restore(dir, replicas, organisation)?;
    let waiting = Waiting { organisation: restored.organisation, log_key: restored.log_key, head: restored.head };
    let place = place_of(&waiting, server_key, &address);
    let text = place_text(&place);
    let path = dir.join(format!("move-place-{}.txt", &place.organisation.to_string()[..12]));
    if let Err(source) = std::fs::write(&path, &text) {
        return Err(DaemonError::Place { path, text, source });
    }
    Ok(RestoreOutcome { restored, place, text, path })
}

/// The text of the place again, of an organisation that was restored here and waits for its people to move: also where
/// nothing was printed because the computer stopped just then, and where this server has got another name since. A
/// daemon may run on the same folder.
pub fn place(dir: &Path, overrides: &Overrides, organisation: Option<OrganisationId>) -> Result<String, DaemonError> {
    let config = Config::load(dir, overrides)?;
    let address = config.address().ok_or(DaemonError::NoPort)?;
    let waiting = restore::waiting(dir, organisation)?;
    Ok(place_text(&place_of(&waiting, key::load(dir)?.public(), &address)))
}

fn place_of(waiting: &Waiting, server_key: VerifyingKey, address: &ServerAddress) -> MovePlace {
    MovePlace {
        organisation: waiting.organisation,
        log_key: waiting.log_key,
        server_key,
        address: address.as_str().to_owned(),
        prefix: waiting.head,
    }
}

fn place_text(place: &MovePlace) -> String {
    let header = [
        "Séquestre: a server where an association's log can go on. For a trustee: sequestre move propose FILE"
            .to_owned(),
        format!("Association: {}", place.organisation),
        format!("Server: {}", place.address),
        format!("Entries: {}", place.prefix.size),
        format!("Code, to compare by voice: {}", place.code()),
    ];
    place_file(place, &header)
}

/// The system's clock.
pub fn system_clock() -> Clock {
    std::sync::Arc::new(|| {
        // Before 1970 no command is fresh enough: every one is refused, as it should be under such a clock.
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Time(since.map_or(0, |since| since.as_secs()))
    })
}

/// A daemon that serves.
pub struct Running {
    /// Where it listens; tells the port if it was to choose one.
    pub local_addr: SocketAddr,
    /// Where its numbers are read, if anywhere.
    pub metrics_addr: Option<SocketAddr>,
    /// The key that clients pin.
    pub server_key: VerifyingKey,
    /// Reads its configuration again.
    pub reload: Arc<Reload>,
    serving: JoinHandle<Result<(), DaemonError>>,
}

impl Running {
    /// Waits until it has stopped: calls drained, everything acknowledged on disk, the data folder free.
    pub async fn stopped(self) -> Result<(), DaemonError> {
        self.serving.await.map_err(|_| DaemonError::Failed("its main task ended"))?
    }
}

/// Serves the data folder `dir` until `shutdown` completes. Returns once connections are accepted.
pub async fn run(
    dir: &Path,
    overrides: &Overrides,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Running, DaemonError> {
    let config = Config::load(dir, overrides)?;
    let device = key::load(dir)?;
    let tls = tls::server_config(&device)?;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|_| DaemonError::Failed("its own descriptors do not decode"))?;
    // The store before what belongs to it: it holds the lock on the folder.
    let store = Store::open(dir)?;
    let reader = Reader::open(dir, READERS)?;
    let (listener, local_addr) = listen(config.listen).await?;
    let numbers = match config.metrics.listen {
        Some(address) => Some(self::listen(address).await?),
        None => None,
    };
    let environment = config.connect.environment().map_err(DaemonError::Authorities)?;
    let connectors = Connectors::new(environment, config.connect.calls_per_target);
    let organisations = store.sizes()?.into_iter().map(|(id, _)| id).collect();
    let lists = Lists::new(config.connect.krl_folder.clone(), organisations, clock.clone());
    let (writer, thread) = Writer::start(store, clock.clone());
    let board = Board::default();
    let live = Live::new(writer.clone(), connectors.clone(), board.clone(), clock.clone());
    let metrics = Metrics::default();
    let (limits_now, limits) = watch::channel(config.limits.clone());
    let incoming = link::listen(listener, tls, limits.clone(), reader.clone(), metrics.clone());

    let (close, closing) = watch::channel(false);
    let (health, health_service) = health_reporter();
    let own = Own { server_key: device.public(), address: config.address() };
    let callers = Callers::new(reader.clone(), writer.changes().clone());
    let service = Service::new(reader.clone(), callers, writer.clone(), live, limits.clone(), closing.clone(), own);
    let metrics_addr = numbers.as_ref().map(|(_, address)| *address);
    if let Some((listener, address)) = numbers {
        let (writer, reader, board) = (writer.clone(), reader.clone(), board.clone());
        let page = Page::new(metrics.clone(), writer, reader, board, clock.clone(), dir.to_owned());
        tokio::spawn(metrics::http::serve(listener, page, closing.clone()));
        tracing::info!(%address, "numbers are told");
    }
    let reload = Arc::new(Reload {
        folder: dir.to_owned(),
        overrides: overrides.clone(),
        limits: limits_now,
        connectors: connectors.clone(),
        metrics: metrics.clone(),
        server_key: device.public(),
        in_effect: Mutex::new(config.clone()),
    });
    let runner = tokio::spawn(Runner::new(writer.clone(), connectors, lists, board, clock).run(closing.clone()));
    let escrow = EscrowServer::new(service).max_decoding_message_size(config.limits.max_message_bytes);
    let router = Server::builder()
        .layer(GateLayer::new(limits, reader.clone(), metrics))
        .max_concurrent_streams(config.limits.streams_per_connection)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(health_service)
        .add_service(reflection)
        .add_service(escrow);

    let (drain, drained) = tokio::sync::oneshot::channel::<()>();
    let mut server = tokio::spawn(router.serve_with_incoming_shutdown(incoming, async {
        let _ = drained.await;
    }));
    tokio::spawn(watch_health(health.clone(), reader.clone(), closing));
    let server_key = device.public();
    tracing::info!(address = %local_addr, "serving");
    let serving = tokio::spawn(async move {
        // A server that gives up stops the daemon too: it would serve nobody.
        let early = tokio::select! {
            () = shutdown => None,
            served = &mut server => Some(served),
        };
        tracing::info!("stopping");
        let _ = close.send(true);
        withdraw_health(health).await;
        let _ = drain.send(());
        let served = match early {
            Some(served) => Ok(served),
            None => tokio::time::timeout(DRAIN, server).await,
        };
        let served = match served {
            Ok(Ok(served)) => served.map_err(DaemonError::Serve),
            Ok(Err(_)) => Err(DaemonError::Failed("its server task ended")),
            Err(_) => {
                tracing::warn!("some clients did not finish; their connections are cut");
                Ok(())
            }
        };
        // Before the writer: what it has under way may still have something to write.
        let _ = runner.await;
        let written = stop_writing(writer, thread, reader).await;
        tracing::info!("stopped");
        served.and(written)
    });
    Ok(Running { local_addr, metrics_addr, server_key, reload, serving })
}

/// Listens, and says where: the system chooses a port where the address has none.
async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), DaemonError> {
    let failed = |source| DaemonError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((listener, local))
}

/// Asks the daemon that serves the data folder `dir` on this machine how it is, as its clients reach it: over TLS, with
/// the key that they pin, by the standard health service.
///
/// # Errors
/// Where it does not answer, or its database does not.
pub async fn health(dir: &Path, overrides: &Overrides) -> Result<(), DaemonError> {
    let config = Config::load(dir, overrides)?;
    let server_key = key::load(dir)?.public();
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        // Every address of this machine: this one, too.
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let address = address.to_string();
    let channel = tls::connect(&address, server_key, None).await?;
    let request = HealthCheckRequest { service: SERVICE_NAME.to_owned() };
    match HealthClient::new(channel).check(request).await {
        Ok(answer) if answer.get_ref().status == i32::from(Answer::Serving) => Ok(()),
        _ => Err(DaemonError::Unhealthy(address)),
    }
}

/// Closes the database, the connection that writes last: it puts everything into the one file.
async fn stop_writing(writer: Writer, thread: WriterThread, reader: Reader) -> Result<(), DaemonError> {
    let closed = tokio::task::spawn_blocking(move || reader.close()).await;
    writer.shutdown().await;
    match tokio::task::spawn_blocking(move || thread.join()).await.and_then(|joined| closed.map(|()| joined)) {
        Ok(Ok(())) => Ok(()),
        _ => Err(DaemonError::Failed("its writer panicked")),
    }
}

/// Tells health checks whether the database answers.
async fn watch_health(health: HealthReporter, reader: Reader, mut closing: watch::Receiver<bool>) {
    loop {
        let reader = reader.clone();
        let ready = matches!(tokio::task::spawn_blocking(move || reader.ready()).await, Ok(Ok(())));
        if *closing.borrow() {
            return;
        }
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        health.set_service_status("", status).await;
        health.set_service_status(SERVICE_NAME, status).await;
        tokio::select! {
            () = tokio::time::sleep(HEALTH_INTERVAL) => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
    }
}

/// Ends the health streams: otherwise they would hold up the end.
async fn withdraw_health(mut health: HealthReporter) {
    for name in ["", SERVICE_NAME] {
        health.set_service_status(name, ServingStatus::NotServing).await;
        health.clear_service_status(name).await;
    }
}
