//! What the tests of several connectors need.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sequestre::connect::settings::Settings;
use sequestre::connect::{ConnectError, Connector, Environment, FieldName, Lease, LeaseName, Login, Minted};
use sequestre::escrow::id::OrganisationId;
use sequestre::escrow::time::{Seconds, Time};
use sequestre::seal::secret::Secret;

/// The time that one call may take where a test does not say otherwise: long, for machines with much to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn environment() -> Environment {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    Environment { time_limit: PATIENCE, ..Environment::with_authorities(BTreeSet::new(), Arc::new(tls)) }
}

/// A connector whose target is allowed.
pub fn connector(settings: &serde_json::Value) -> Connector {
    connector_within(settings, PATIENCE)
}

pub fn connector_within(settings: &serde_json::Value, time_limit: Duration) -> Connector {
    let settings = Settings::parse(&settings.to_string()).unwrap();
    let mut environment = Environment { time_limit, ..environment() };
    environment.targets.extend(settings.targets());
    Connector::new(settings, &environment).unwrap()
}

pub fn secret(text: &str) -> Secret {
    Secret::from_string(text.to_owned())
}

pub fn login(user: &str, password: &str) -> Login {
    Login { user: Some(secret(user)), secret: secret(password) }
}

pub fn name(index: u64) -> LeaseName {
    LeaseName::new(OrganisationId::new([0xab; 32]), index)
}

pub fn in_seconds(seconds: u64) -> Time {
    Time(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).after(Seconds(seconds))
}

pub async fn mint(connector: &Connector, admin: &Login, index: u64, password: &str) -> Result<Minted, ConnectError> {
    let (name, password) = (name(index), secret(password));
    connector.mint(admin, &Lease { name: &name, until: in_seconds(3600), input: None, secret: &password }).await
}

/// One field of what the member gets.
pub fn field(minted: &Minted, name: FieldName) -> String {
    let found = minted.fields.iter().find(|(field, _)| *field == name).unwrap_or_else(|| panic!("no {name:?}"));
    found.1.expose_str().unwrap().to_owned()
}

/// A call, and what somebody does again and again meanwhile.
pub async fn against<T>(mut again: impl FnMut(), call: impl Future<Output = T>) -> T {
    let mut call = std::pin::pin!(call);
    loop {
        match tokio::time::timeout(Duration::from_millis(400), &mut call).await {
            Ok(done) => return done,
            Err(_) => again(),
        }
    }
}
