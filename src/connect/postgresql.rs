//! To come in the next commit.

use super::link::Link;
use super::settings;
use super::{ConnectError, Environment, Lease, LeaseName, Login, Minted};
use crate::seal::secret::Secret;

/// See the settings.
pub struct Postgresql {
    link: Link,
}

impl Postgresql {
    pub(super) fn new(settings: settings::Postgresql, environment: &Environment) -> Result<Self, ConnectError> {
        Ok(Self { link: Link::new(&settings.target, settings.tls.as_ref(), environment)? })
    }

    pub(super) async fn verify(&self, _: &Login) -> Result<bool, ConnectError> {
        Err(self.link.unreachable("not built yet"))
    }

    pub(super) async fn mint(&self, _: &Login, _: &Lease<'_>) -> Result<Minted, ConnectError> {
        Err(self.link.unreachable("not built yet"))
    }

    pub(super) async fn revoke(&self, _: &Login, _: &LeaseName) -> Result<(), ConnectError> {
        Err(self.link.unreachable("not built yet"))
    }

    pub(super) async fn rotate(&self, _: &Login, _: &Secret) -> Result<(), ConnectError> {
        Err(self.link.unreachable("not built yet"))
    }
}
