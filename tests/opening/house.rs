//! The association, with an account at a PostgreSQL server of its own.

use std::fs;
use std::time::{Duration, Instant};

use sequestre::client::home::Folder;
use sequestre::client::session::Session;
use sequestre::escrow::credential::Credential;
use sequestre::escrow::id::{BlobId, CredentialId};
use sequestre::escrow::part::{PartId, PartKind, VersionId};
use sequestre::escrow::request::Request;
use sequestre::escrow::text::Text;
use sequestre::escrow::time::{Seconds, Time};
use sequestre::proto::api::v1 as api;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::dealing::deal_part;
use sequestre::seal::gathering::Gathering;
use sequestre::seal::minted::{Made, MintedContext, open_made};
use sequestre::seal::sealing::{PartValue, open_part};
use sequestre::seal::secret::{Secret, random_bytes};
use sequestre::seal::sharing::{MasterKey, ShareContext};
use sequestre::tls;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use crate::proxy::Proxy;
use crate::servers::{Certificates, Postgres};
use crate::town::{BRUNO, CHLOE, Kind, MAUD, NINA, THEO, Town};

pub const ACCOUNT: &str = "members' database";
/// An administrator with no more rights than needed.
pub const KEEPER: &str = "keeper";
pub const KEEPERS: &str = "the password of the keeper";
/// Longer than anything here takes; whoever waits longer has found a fault.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct House {
    pub town: Town,
    pub postgres: Postgres,
    /// Before the server: what the daemon calls.
    pub proxy: Proxy,
    pub account: CredentialId,
}

pub fn secret(text: &str) -> Secret {
    Secret::from_string(text.to_owned())
}

/// Waits until it is so.
pub async fn until<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "not in a minute: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl House {
    /// Everybody, the account, and a server that allows its target.
    pub async fn new(kind: Kind) -> Self {
        Self::at(kind, "127.0.0.1", None, "").await
    }

    /// The same with a target that has certificates. `tls` is what the connector says of them, with a comma before it.
    pub async fn encrypted(certificates: &Certificates, tls: &str) -> Self {
        Self::at(Kind::Here, "localhost", Some(certificates), tls).await
    }

    async fn at(kind: Kind, host: &str, certificates: Option<&Certificates>, tls: &str) -> Self {
        let (town, postgres) = (Town::founded_at(kind).await, server(certificates).await);
        let proxy = Proxy::before(postgres.port);
        let path = town.data().join("sequestred.toml");
        let text = fs::read_to_string(&path).unwrap();
        let port = proxy.port;
        let target = format!("targets = [\"{host}:{port}\"]");
        fs::write(&path, text.replace("targets = []", &target)).unwrap();
        town.restart().await;
        let connector = format!(
            // In one line, as the client deposits it.
            r#"{{"kind": "postgresql", "target": "{host}:{port}", "database": "members", "rights_of": "editors", "reassign_to": "archive", "connections": 3{tls}}}"#
        );
        let account = deposit(&town, ACCOUNT, Some(&connector), KEEPER, KEEPERS).await;
        Self { town, postgres, proxy, account }
    }

    pub async fn client(&self, name: &str) -> EscrowClient<Channel> {
        client(&self.town, name).await
    }

    pub fn organisation(&self) -> Vec<u8> {
        folder(&self.town, NINA).id.to_vec()
    }

    pub async fn credential(&self) -> Credential {
        let session = self.town.session(MAUD).await;
        session.state().unwrap().credential(&self.account).unwrap().clone()
    }

    pub async fn request(&self, id: u64) -> Request {
        self.town.request(MAUD, id).await
    }

    /// The daemon's keys.
    pub async fn keys(&self, name: &str, count: u32) -> Vec<api::VouchedKey> {
        keys(&self.town, name, count).await
    }

    /// Somebody asks that the account is opened to the daemon.
    pub async fn unseal(&self, name: &str, duration: Seconds) -> u64 {
        let mut session = self.town.session(name).await;
        let part = session.state().unwrap().current_part(&self.account, PartKind::Password).unwrap();
        let key = self.keys(name, 1).await.remove(0);
        let part = asked(part, key.recipient.unwrap(), key.vouched);
        ask(&mut session, v1::Purpose::Unseal, vec![part], duration).await
    }

    /// Opens the account to the daemon for so long, and waits until it is.
    pub async fn opened(&self, duration: Seconds) -> u64 {
        let id = self.unseal(NINA, duration).await;
        self.agree(id).await;
        self.is_open(id).await;
        id
    }

    pub async fn agree(&self, id: u64) {
        self.town.approve(BRUNO, id).await.unwrap();
        self.town.approve(CHLOE, id).await.unwrap();
    }

    pub async fn is_open(&self, id: u64) {
        until("the account opens", async || self.request(id).await.collected.then_some(())).await;
    }

    /// Nina asks for a lease at the target.
    pub async fn ask(&self, duration: Seconds) -> Asked {
        let mut session = self.town.session(NINA).await;
        let part = session.state().unwrap().current_part(&self.account, PartKind::Password).unwrap();
        let key = MasterKey::generate().unwrap();
        let part = asked(part, (*key.recipient()).into(), None);
        let id = ask(&mut session, v1::Purpose::Mint, vec![part], duration).await;
        Asked { id, key }
    }

    /// Asks, and has the agreement of two.
    pub async fn granted(&self, duration: Seconds) -> Asked {
        let asked = self.ask(duration).await;
        self.sign(asked.id).await;
        asked
    }

    /// Two sign a lease: no share is released.
    pub async fn sign(&self, id: u64) {
        for name in [BRUNO, CHLOE] {
            let mut session = self.town.session(name).await;
            let request = session.state().unwrap().request(id).unwrap().clone();
            let approve = Act::Approve(v1::Approve {
                request_index: id,
                request_leaf: request.at.leaf.to_vec(),
                parts: request.parts.iter().map(|asked| (*asked).into()).collect(),
                expires: request.expires.0,
                released: Vec::new(),
            });
            session.submit(approve, Vec::new()).await.unwrap();
        }
    }

    /// What was made: user name and password.
    pub async fn made(&self, asked: &Asked) -> Login {
        let mut client = self.client(NINA).await;
        let organisation = self.organisation();
        let answer = until("the lease is made", async || {
            let request = api::CollectRequest { organisation: organisation.clone(), request_index: asked.id };
            match client.collect(request).await {
                Ok(answer) => Some(answer.into_inner()),
                Err(status) => {
                    assert_eq!(status.get_details_error_info().unwrap().reason, "NOT_MADE_YET");
                    None
                }
            }
        });
        let [blob] = answer.await.blobs.try_into().unwrap();
        let organisation = folder(&self.town, NINA).id;
        let context = MintedContext { organisation, request: asked.id };
        let made = open_made(asked.key.age(), &context, &blob.content).unwrap();
        Login::of(&made)
    }

    /// Théo asks for a new secret in the place of this version's.
    pub async fn rotate(&self, version: u32) {
        let rotate = v1::Rotate { credential: self.account.to_vec(), version };
        self.town.session(THEO).await.submit(Act::Rotate(rotate), Vec::new()).await.unwrap();
    }

    /// Nina gives it back.
    pub async fn give_back(&self, asked: &Asked) {
        give_back(&self.town, NINA, asked.id).await;
    }

    /// The current version's number, and when it was sealed.
    pub async fn current(&self) -> (u32, Time) {
        let credential = self.credential().await;
        let (number, version) = credential.current().unwrap();
        (number, version.since)
    }

    pub async fn logs_in(&self, login: &Login) -> bool {
        self.postgres.login(&login.user, &login.password, "members").await.is_ok()
    }

    /// Waits until the log says that a lease is gone from its target, and sees that it is.
    pub async fn gone(&self, id: u64, login: &Login) {
        use sequestre::escrow::made::AtTarget;
        let revoked = async || matches!(self.request(id).await.target, Some(AtTarget::Revoked { .. })).then_some(());
        until("the lease is gone", revoked).await;
        assert!(!self.logs_in(login).await, "the leased secret still logs in");
    }

    /// What the daemon says is to do, and why it is not done.
    pub async fn work(&self) -> Vec<api::Work> {
        let organisation = self.organisation();
        let request = api::GetWorkRequest { organisation };
        self.client(NINA).await.get_work(request).await.unwrap().into_inner().work
    }

    /// Whether the daemon says that the account's secret works.
    pub async fn verifies(&self) -> Result<bool, String> {
        let (organisation, credential) = (self.organisation(), self.account.to_vec());
        let answer = self
            .client(NINA)
            .await
            .verify_credential(api::VerifyCredentialRequest { organisation, credential })
            .await;
        answer.map(|a| a.into_inner().works).map_err(|s| s.get_details_error_info().unwrap().reason)
    }

    /// Roles that leases left at the target.
    pub async fn roles(&self) -> i64 {
        let superuser = self.postgres.superuser("members").await;
        let sql = "SELECT count(*) FROM pg_authid WHERE rolname LIKE 'seq-%'";
        superuser.query_one(sql, &[]).await.unwrap().get(0)
    }
}

impl House {
    /// Nina asks for the account's own secret.
    pub async fn lease_of_the_secret(&self) -> Asked {
        let mut session = self.town.session(NINA).await;
        let part = session.state().unwrap().current_part(&self.account, PartKind::Password).unwrap();
        let key = MasterKey::generate().unwrap();
        let part = asked(part, (*key.recipient()).into(), None);
        let id = ask(&mut session, v1::Purpose::Lease, vec![part], Seconds::HOUR).await;
        Asked { id, key }
    }

    /// The user name and the secret that people agreed to open to Nina.
    pub async fn secret_of(&self, asked: &Asked) -> (String, String) {
        let organisation = self.organisation();
        let request = api::CollectRequest { organisation, request_index: asked.id };
        let blobs = self.client(NINA).await.collect(request).await.unwrap().into_inner().blobs;
        let session = self.town.session(MAUD).await;
        let request = session.state().unwrap().request(asked.id).unwrap();
        let id = request.parts[0].part;
        let part = session.state().unwrap().part(&id).unwrap().part.clone();
        let context = ShareContext {
            organisation: session.folder.id,
            part: id,
            epoch: part.epoch,
            master_key: part.master_key,
        };
        let blobs = blobs.into_iter().map(|blob| (BlobId::of(&blob.content), blob.content.into())).collect();
        let (approvals, blobs) = (&request.approvals, &blobs);
        let gathered =
            Gathering { context, part: &part, position: 0, approvals, blobs }.combine(asked.key.age(), None);
        let value = open_part(&gathered.key.unwrap(), &context.part_context(), &blobs[&part.sealed]).unwrap();
        let text = |secret: &Secret| secret.expose_str().unwrap().to_owned();
        (text(&value.user_name.unwrap()), text(&value.value))
    }
}

/// A request with the key to what it gives.
pub struct Asked {
    pub id: u64,
    pub key: MasterKey,
}

pub struct Login {
    pub user: String,
    pub password: String,
}

impl Login {
    fn of(made: &Made) -> Self {
        let field = |name: &str| {
            let (_, value) = made.fields.iter().find(|(field, _)| field == name).unwrap();
            value.expose_str().unwrap().to_owned()
        };
        Self { user: field("user"), password: field("password") }
    }
}

pub fn asked(part: PartId, recipient: v1::Recipient, vouched: Option<v1::Signature>) -> v1::RequestedPart {
    v1::RequestedPart {
        credential: part.version.credential.to_vec(),
        version: part.version.version,
        kind: part.kind as i32,
        recipient: Some(recipient),
        vouched,
    }
}

pub async fn ask(
    session: &mut Session,
    purpose: v1::Purpose,
    parts: Vec<v1::RequestedPart>,
    duration: Seconds,
) -> u64 {
    let (reason, blob) = session.text(&Text::parse("look after the members").unwrap()).unwrap();
    let request = v1::Request {
        parts,
        purpose: purpose as i32,
        reason: reason.to_vec(),
        duration: duration.0,
        expires: session.env.now().0 + 3 * 86_400,
        own_share: false,
        ..v1::Request::default()
    };
    session.submit(Act::Request(request), vec![blob]).await.unwrap()
}

/// The folder of somebody's home, whoever has it open.
pub fn folder(town: &Town, name: &str) -> Folder {
    town.env(name).home.choose(None).unwrap()
}

pub async fn client(town: &Town, name: &str) -> EscrowClient<Channel> {
    let folder = folder(town, name);
    let (contact, device) = (folder.contact().unwrap(), folder.device().unwrap());
    EscrowClient::new(tls::connect(&contact.address, contact.server_key, Some(&device)).await.unwrap())
}

pub async fn keys(town: &Town, name: &str, count: u32) -> Vec<api::VouchedKey> {
    let request = api::GetOpeningKeysRequest { organisation: folder(town, name).id.to_vec(), count };
    client(town, name).await.get_opening_keys(request).await.unwrap().into_inner().keys
}

pub async fn give_back(town: &Town, name: &str, id: u64) {
    let mut session = town.session(name).await;
    session.submit(Act::Return(v1::Return { request_index: id }), Vec::new()).await.unwrap();
}

/// Théo puts an account in escrow.
pub async fn deposit(town: &Town, label: &str, connector: Option<&str>, user: &str, password: &str) -> CredentialId {
    let mut session = town.session(THEO).await;
    let credential = CredentialId::new(random_bytes::<16>().unwrap());
    let version = VersionId { credential, version: 1 };
    let state = session.state().unwrap();
    let charter = state.charter().unwrap();
    let vault = charter.vaults().next().unwrap();
    let quorums: Vec<_> = vault.opened_by.iter().map(|name| charter.quorum(name).unwrap()).collect();
    let recipient = |person: &_| state.person(person).map(|person| person.keys.recipient);
    let value = PartValue { user_name: Some(secret(user)), value: secret(password) };
    let part = PartId { version, kind: PartKind::Password };
    let dealt = deal_part(session.folder.id, part, quorums, recipient, &value).unwrap();
    let vault = vault.name.as_str().to_owned();
    let mut blobs = dealt.blobs;
    let mut text = |text: Text| {
        let (id, blob): (BlobId, _) = session.text(&text).unwrap();
        blobs.push(blob);
        id.to_vec()
    };
    let deposit = v1::Deposit {
        credential: credential.to_vec(),
        version: 1,
        vault,
        label: text(Text::parse(label).unwrap()),
        sheet: text(Text::parse_multiline("{}").unwrap()),
        parts: vec![dealt.part],
        connector: connector.map(|c| text(Text::parse_multiline(c).unwrap())).unwrap_or_default(),
        ..v1::Deposit::default()
    };
    session.submit(Act::Deposit(deposit), blobs).await.unwrap();
    credential
}

/// A server with a database, a role with rights in it, and the keeper.
async fn server(certificates: Option<&Certificates>) -> Postgres {
    let server = Postgres::start(&[], certificates);
    let superuser = server.superuser("postgres").await;
    superuser.batch_execute("CREATE DATABASE members").await.unwrap();
    let sql = format!(
        "CREATE ROLE editors; CREATE ROLE archive; CREATE ROLE {KEEPER} LOGIN CREATEROLE PASSWORD '{KEEPERS}'; \
         GRANT editors TO {KEEPER} WITH ADMIN OPTION; GRANT archive TO {KEEPER}"
    );
    superuser.batch_execute(&sql).await.unwrap();
    server
}
