//! A daemon in a temporary folder, and people who talk to it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use prost::Message as _;
use sequestre::daemon::config::Overrides;
use sequestre::daemon::{self, DaemonError, Running};
use sequestre::escrow::charter::RULES_VERSION;
use sequestre::escrow::command::{NO_ORGANISATION, SignedCommand, organisation_id, preimage};
use sequestre::escrow::entry::{Entry, What};
use sequestre::escrow::id::{BlobId, InvitationId, OrganisationId};
use sequestre::escrow::key::VerifyingKey;
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use sequestre::escrow::log::cosignature::{Cosignature, cosignature_message};
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Time;
use sequestre::proto::api::v1 as api;
pub use sequestre::proto::api::v1::escrow_client::EscrowClient;
pub use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::device::DeviceKey;
use sequestre::seal::founding::FoundingCode;
use sequestre::seal::identity::Identity;
use sequestre::tls;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

pub type Client = EscrowClient<Channel>;

/// What every clock says.
pub const NOW: u64 = 1_800_000_000;
/// Longer than anything here takes; whoever waits longer has found a fault.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct Daemon {
    pub dir: TempDir,
    pub founding: FoundingCode,
    running: Option<(Running, oneshot::Sender<()>)>,
}

impl Daemon {
    pub async fn start() -> Self {
        Self::start_with(Overrides::default()).await
    }

    pub async fn start_with(overrides: Overrides) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = daemon::init(dir.path(), "localhost:1", "127.0.0.1:0".parse().unwrap()).unwrap();
        let mut daemon = Self { dir, founding: made.founding, running: None };
        daemon.run(overrides).await;
        assert_eq!(daemon.server_key(), made.server_key);
        daemon
    }

    pub async fn run(&mut self, overrides: Overrides) {
        let (stop, stopped) = oneshot::channel();
        let running = run(self.dir.path(), &overrides, async { drop(stopped.await) }).await.unwrap();
        self.running = Some((running, stop));
    }

    fn running(&self) -> &Running {
        &self.running.as_ref().unwrap().0
    }

    pub fn address(&self) -> String {
        self.running().local_addr.to_string()
    }

    pub fn server_key(&self) -> VerifyingKey {
        self.running().server_key
    }

    /// Asks it to stop; it has stopped when the returned value has.
    pub fn stop(&mut self) -> Running {
        let (running, stop) = self.running.take().unwrap();
        stop.send(()).unwrap();
        running
    }

    pub async fn channel(&self, device: Option<&DeviceKey>) -> Channel {
        tls::connect(&self.address(), self.server_key(), device).await.unwrap()
    }

    pub async fn client(&self, device: &DeviceKey) -> Client {
        EscrowClient::new(self.channel(Some(device)).await)
    }

    pub async fn anonymous(&self) -> Client {
        EscrowClient::new(self.channel(None).await)
    }
}

pub async fn run(
    dir: &Path,
    overrides: &Overrides,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Running, DaemonError> {
    daemon::run(dir, overrides, Arc::new(|| Time(NOW)), shutdown).await
}

/// Somebody with an identity and one computer.
pub struct Person {
    pub identity: Identity,
    pub device: DeviceKey,
    /// The last tree that they verified.
    pub base: TreeHead,
}

impl Person {
    pub fn new() -> Self {
        let (identity, device) = (Identity::generate().unwrap(), DeviceKey::generate().unwrap());
        Self { identity, device, base: TreeHead::EMPTY }
    }

    pub fn sign(&self, organisation: OrganisationId, act: Act) -> v1::SignedCommand {
        static NONCE: AtomicU8 = AtomicU8::new(0);
        let command = v1::Command {
            created: NOW,
            nonce: vec![NONCE.fetch_add(1, Ordering::Relaxed); 16],
            base: Some(self.base.into()),
            act: Some(act),
        };
        let command = command.encode_to_vec();
        let keys = self.identity.keys();
        let signature = self.identity.sign(&preimage(&organisation, &keys.signing, &command));
        v1::SignedCommand { command, signer: Some(keys.signing.into()), signature: Some(signature.into()) }
    }

    pub fn submission(&self, organisation: OrganisationId, act: Act, blobs: &[Vec<u8>]) -> api::SubmitRequest {
        api::SubmitRequest {
            organisation: organisation.to_vec(),
            command: Some(self.sign(organisation, act)),
            blobs: blobs.iter().map(|content| api::Blob { content: content.clone().into() }).collect(),
            founding_token: Vec::new(),
        }
    }

    pub fn join(&self, organisation: OrganisationId, token: [u8; 32]) -> api::SubmitRequest {
        let join = v1::Join {
            token: token.to_vec(),
            roles: vec![Role::Trustee as i32],
            person: Some(self.identity.keys().into()),
            device: Some(self.device.public().into()),
            mac: vec![7; 32],
        };
        self.submission(organisation, Act::Join(join), &[])
    }

    pub fn enrol(&self, organisation: OrganisationId, device: &DeviceKey) -> api::SubmitRequest {
        let enrol =
            v1::EnrolDevice { device: Some(device.public().into()), person: Some(self.identity.keys().into()) };
        self.submission(organisation, Act::EnrolDevice(enrol), &[])
    }

    pub fn invite(&self, organisation: OrganisationId, token: [u8; 32]) -> api::SubmitRequest {
        let name = text(&format!("somebody {}", token[0]));
        let invite = v1::Invite {
            invitation: InvitationId::of_token(&token).to_vec(),
            roles: vec![Role::Trustee as i32],
            name: BlobId::of(&name).to_vec(),
            expires: NOW + 3600,
        };
        self.submission(organisation, Act::Invite(invite), &[name])
    }

    pub fn cosign(&self, checkpoint: &Checkpoint) -> api::CosignRequest {
        let organisation = checkpoint.organisation;
        let signature = self.device.sign(&cosignature_message(NOW, checkpoint));
        let person = self.identity.person();
        let line = Cosignature::new(organisation, person, &self.device.public(), NOW, signature).unwrap();
        let tree = Some(checkpoint.head.into());
        api::CosignRequest {
            organisation: organisation.to_vec(),
            cosignature: Some(api::Cosignature { tree, line: line.to_string() }),
        }
    }
}

/// A blob that a text is kept in.
pub fn text(text: &str) -> Vec<u8> {
    [&[5; 32], text.as_bytes()].concat()
}

/// An organisation that has its genesis, with its founder's connection.
pub struct Founded {
    pub id: OrganisationId,
    pub founder: Person,
    pub client: Client,
    pub log: LogVerifier,
    pub genesis: api::SubmitRequest,
}

impl Founded {
    pub async fn on(daemon: &Daemon) -> Self {
        let founder = Person::new();
        let mut client = daemon.client(&founder.device).await;
        let token = daemon.founding.token().expose().to_vec();
        let prepared = client.prepare_founding(api::PrepareFoundingRequest { token: token.clone() }).await.unwrap();
        let log_key = prepared.into_inner().log_key;
        let genesis = genesis(&founder, log_key.clone(), &daemon.founding);
        let answer = client.submit(genesis.clone()).await.unwrap().into_inner();
        assert_eq!(answer.index, 0);
        let id = OrganisationId::parse(&answer.organisation).unwrap();
        assert_eq!(id, organisation_id(&genesis.command.as_ref().unwrap().command));
        let log_key = log_key.unwrap();
        let log = LogVerifier::new(id, VerifyingKey::parse(log_key.algorithm, &log_key.key).unwrap());
        let signed = SignedCommand::parse(genesis.command.clone().unwrap()).unwrap();
        let first = Entry { index: 0, time: Time(NOW), what: What::Command(Box::new(signed)) };
        let base = TreeHead { size: 1, root: Entry::leaf(&first.encode()) };
        Self { id, founder: Person { base, ..founder }, client, log, genesis }
    }

    pub async fn checkpoint(&self) -> SignedCheckpoint {
        let request = api::GetCheckpointRequest { organisation: self.id.to_vec() };
        let answer = self.client.clone().get_checkpoint(request).await.unwrap().into_inner();
        self.log.verify(&answer.checkpoint).unwrap()
    }

    /// Invites somebody, who joins from their own connection.
    pub async fn newcomer(&mut self, daemon: &Daemon, token: [u8; 32]) -> (Person, Client) {
        let person = Person::new();
        self.client.submit(self.founder.invite(self.id, token)).await.unwrap();
        let mut client = daemon.client(&person.device).await;
        client.submit(person.join(self.id, token)).await.unwrap();
        (person, client)
    }
}

pub fn genesis(founder: &Person, log_key: Option<v1::SigningKey>, code: &FoundingCode) -> api::SubmitRequest {
    let (name, founder_name) = (text("Les Amis du Canal"), text("Zoé"));
    let genesis = v1::Genesis {
        rules_version: RULES_VERSION,
        log_key,
        address: code.address.as_str().to_owned(),
        name: BlobId::of(&name).to_vec(),
        founder: Some(founder.identity.keys().into()),
        founder_name: BlobId::of(&founder_name).to_vec(),
        device: Some(founder.device.public().into()),
        founding_token: code.token_digest().to_vec(),
    };
    let mut request = founder.submission(NO_ORGANISATION, Act::Genesis(genesis), &[name, founder_name]);
    request.organisation.clear();
    request.founding_token = code.token().expose().to_vec();
    request
}

/// Code and reason of a refusal, which must have both.
#[track_caller]
pub fn why<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "sequestre");
    assert!(!status.message().is_empty());
    (status.code(), info.reason)
}

/// Repeats `attempt` until it gives something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(mut attempt: impl FnMut() -> F) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(done) = attempt().await {
            return done;
        }
        assert!(Instant::now() < end, "waited too long");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Fails instead of hanging.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("took too long")
}
