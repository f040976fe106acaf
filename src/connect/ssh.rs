//! SSH: certificates for the member's own key, from the association's certificate authority.
//!
//! The administrator credential is the authority's private key (OpenSSH form, Ed25519, without a passphrase:
//! `ssh-keygen -t ed25519`). A lease is a certificate that ends by itself. The server never connects to the target:
//! minting is a signature, so that it also works while the target is down.
//!
//! ```json
//! {
//!   "kind": "ssh",
//!   "target": "shell.example.org:22",
//!   "user": "web",
//!   "authority": "ssh-ed25519 AAAA…",
//!   "principals": ["web"],
//!   "force_command": "…",
//!   "source_addresses": ["192.0.2.0/24"],
//!   "extensions": ["permit-pty"],
//!   "end_sessions": true
//! }
//! ```
//!
//! | key | meaning |
//! |---|---|
//! | `target`, `user` | where and as whom the member logs in |
//! | `authority` | the authority's public key, which the target trusts (`TrustedUserCAKeys`) |
//! | `principals` | the names for which the certificate counts (`user` only) |
//! | `force_command` | the only command that it may run |
//! | `source_addresses` | the only networks that it may come from |
//! | `extensions` | what it may do besides running commands; none unless named: no terminal, no forwarding of anything |
//! | `end_sessions` | sessions are ended with the lease (`true`) |
//!
//! # How access ends
//! `sshd` looks at a certificate when a session begins, and never again. With `end_sessions` the certificate therefore
//! carries a forced command, which runs what was asked for under `timeout` until the lease's end; the target needs
//! `/bin/sh`, `date` and `timeout`, and files are copied with an external `sftp-server` (`internal-sftp` is no
//! command). Forwarded ports need no command and would stay open: `permit-port-forwarding` goes with `end_sessions`
//! `false` only. What a member left running in the background outlives a session, as it does any; and who may run any
//! command, or write files in its home (`sftp-server` and `rsync` do), can leave a key in `authorized_keys` or a job in
//! `crontab`: lend an account in which `sshd` (`AuthorizedKeysFile none`) and `cron` allow neither, or name a
//! `force_command` that writes no files there. Before its time a certificate is ended by its serial, in a
//! revocation list ([`krl`](super::krl)) that the target reads as `RevokedKeys`. The serial follows from the log and the
//! index of the lease's request ([`LeaseName::serial`](super::LeaseName::serial)): several accounts, and several
//! associations, can use one authority.
//!
//! This module must never make a private key, and never a certificate without principals, which would count for
//! everybody.

use serde::Deserialize;

use super::krl::Authority;
use super::password::Rules;
use super::settings::Target;

#[cfg(feature = "daemon")]
pub(super) use signing::Ssh;

/// What a certificate may be allowed besides running commands (`ssh-keygen(1)`, option `-O`).
const EXTENSIONS: [&str; 6] = [
    "no-touch-required",
    "permit-X11-forwarding",
    "permit-agent-forwarding",
    "permit-port-forwarding",
    "permit-pty",
    "permit-user-rc",
];

/// Why the authority's key is not changed by a program.
#[cfg(feature = "daemon")]
pub(super) const NO_ROTATION: &str = "an SSH authority cannot be changed by this server, because each target has to be told: make a new key (ssh-keygen \
     -t ed25519), add its public half to the target's TrustedUserCAKeys, deposit the account anew with both halves, and \
     remove the old line";

/// Settings of an `ssh` connector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Described")]
pub struct Settings {
    target: Target,
    user: String,
    authority: Authority,
    principals: Vec<String>,
    force_command: Option<String>,
    source_addresses: Vec<String>,
    extensions: Vec<String>,
    end_sessions: bool,
    /// No password is made; the rules are those of all kinds.
    password: Rules,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    target: Target,
    user: String,
    authority: String,
    principals: Option<Vec<String>>,
    force_command: Option<String>,
    #[serde(default)]
    source_addresses: Vec<String>,
    #[serde(default)]
    extensions: Vec<String>,
    #[serde(default = "yes")]
    end_sessions: bool,
}

fn yes() -> bool {
    true
}

impl TryFrom<Described> for Settings {
    type Error = String;

    fn try_from(described: Described) -> Result<Self, String> {
        let authority = Authority::parse(&described.authority).map_err(|bad| format!("'authority': {bad}"))?;
        let principals = described.principals.unwrap_or_else(|| vec![described.user.clone()]);
        // A name that begins with a hyphen would be an option of the member's `ssh`.
        let is_name = |name: &String| {
            !name.is_empty() && !name.starts_with('-') && !name.contains(|c: char| c == ',' || !c.is_ascii_graphic())
        };
        if principals.is_empty() || !principals.iter().chain([&described.user]).all(is_name) {
            return Err("'user' and 'principals' must be names, one principal at least".to_owned());
        }
        let is_network = |text: &String| {
            let (address, bits) = text.split_once('/').map_or((text.as_str(), None), |(a, bits)| (a, Some(bits)));
            let longest = match address.parse() {
                Ok(std::net::IpAddr::V4(_)) => 32,
                Ok(std::net::IpAddr::V6(_)) => 128,
                Err(_) => return false,
            };
            // In the one spelling that OpenSSH reads.
            bits.is_none_or(|text| text.parse().is_ok_and(|bits: u8| bits <= longest && bits.to_string() == text))
        };
        if !described.source_addresses.iter().all(is_network) {
            return Err("'source_addresses' must be addresses or networks, such as 192.0.2.0/24".to_owned());
        }
        if let Some(other) = described.extensions.iter().find(|name| !EXTENSIONS.contains(&name.as_str())) {
            return Err(format!("'{other}' is no extension of a certificate; there are {}", EXTENSIONS.join(", ")));
        }
        if described.end_sessions && described.extensions.iter().any(|name| name == "permit-port-forwarding") {
            return Err("with 'permit-port-forwarding' nothing ends a connection that runs no command: say \
                        \"end_sessions\": false, or leave the forwarding out"
                .to_owned());
        }
        if described.force_command.as_ref().is_some_and(|command| command.contains('\0')) {
            return Err("'force_command' must be a command".to_owned());
        }
        Ok(Self {
            target: described.target,
            user: described.user,
            authority,
            principals,
            force_command: described.force_command,
            source_addresses: described.source_addresses,
            extensions: described.extensions,
            end_sessions: described.end_sessions,
            password: Rules::default(),
        })
    }
}

impl Settings {
    /// The authority whose certificates the target takes, for making its revocation list.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Where the member logs in.
    pub fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.password
    }
}

#[cfg(feature = "daemon")]
mod signing {
    use std::time::{SystemTime, UNIX_EPOCH};

    use ssh_key::certificate::Builder;
    use ssh_key::public::KeyData;
    use ssh_key::{Algorithm, PrivateKey, PublicKey};

    use super::Settings;
    use crate::connect::{ConnectError, FieldName, Lease, Login, Minted, Said};
    use crate::escrow::time::{Seconds, Time};
    use crate::seal::secret::{Secret, random_bytes};

    /// Longest public key that is read, in bytes: RSA with 16,384 bits takes 2,800.
    const MAX_KEY_TEXT: usize = 8 * 1024;
    /// Shorter RSA keys are refused, in bytes.
    const MIN_RSA: usize = 256;

    /// A target that takes certificates.
    pub struct Ssh {
        settings: Settings,
    }

    impl Ssh {
        pub fn new(settings: Settings) -> Self {
            Self { settings }
        }

        /// Whether this is the private key of the authority that the settings name.
        pub fn verify(&self, admin: &Login) -> Result<bool, ConnectError> {
            Ok(private(admin)?.public_key().to_bytes().is_ok_and(|key| key == self.settings.authority.blob()))
        }

        pub fn mint(&self, admin: &Login, lease: &Lease<'_>) -> Result<Minted, ConnectError> {
            let Settings { target, user, .. } = &self.settings;
            let refused = |said: &str| {
                let source = Said::new(said).into();
                ConnectError::Refused { target: format!("the authority of {target}"), source }
            };
            if !self.verify(admin)? {
                return Err(refused("the sealed key is not that of the authority in the settings"));
            }
            let key = public(lease.input.unwrap_or_default()).ok_or_else(|| {
                refused(
                    "the member's key is no OpenSSH public key of kind ed25519, sk-ed25519, or RSA from 2,048 bits",
                )
            })?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            let failed = |error: ssh_key::Error| ConnectError::Unusable(format!("no certificate: {error}"));
            // A minute for clocks that are late.
            let from = Time(now).before(Seconds::MINUTE);
            let nonce: [u8; 32] = random_bytes()?;
            let mut certificate = Builder::new(nonce, key, from.0, lease.until.0).map_err(failed)?;
            certificate.serial(lease.name.serial()).map_err(failed)?;
            certificate.key_id(lease.name.to_string()).map_err(failed)?;
            certificate.comment(lease.name.to_string()).map_err(failed)?;
            for principal in &self.settings.principals {
                certificate.valid_principal(principal).map_err(failed)?;
            }
            if let Some(command) = self.command(lease.until) {
                certificate.critical_option("force-command", command).map_err(failed)?;
            }
            if !self.settings.source_addresses.is_empty() {
                let addresses = self.settings.source_addresses.join(",");
                certificate.critical_option("source-address", addresses).map_err(failed)?;
            }
            for extension in &self.settings.extensions {
                certificate.extension(extension, "").map_err(failed)?;
            }
            let certificate = certificate.sign(&private(admin)?).and_then(|signed| signed.to_openssh());
            let fields = [
                (FieldName::Host, target.host().to_owned()),
                (FieldName::Port, target.port().to_string()),
                (FieldName::User, user.clone()),
                (FieldName::Certificate, certificate.map_err(failed)?),
            ];
            Ok(Minted { fields: fields.into_iter().map(|(name, text)| (name, Secret::from_string(text))).collect() })
        }

        /// The forced command.
        fn command(&self, until: Time) -> Option<String> {
            let forced = self.settings.force_command.as_deref();
            if !self.settings.end_sessions {
                return forced.map(str::to_owned);
            }
            let asked = match forced {
                Some(command) => format!("set -- -c {}", quoted(command)),
                None => {
                    r#"[ -n "$SSH_ORIGINAL_COMMAND" ] && set -- -c "$SSH_ORIGINAL_COMMAND" || set -- -l"#.to_owned()
                }
            };
            // Without a terminal `timeout` ends the whole process group; with one it must leave the group in the
            // foreground, and the end of the session's leader ends what else is in the foreground.
            let script = format!(
                "left=$(({until}-$(date +%s))); [ \"$left\" -gt 0 ] || exit 124; {asked}; \
                 [ -t 0 ] && terminal=--foreground || terminal=; \
                 exec timeout $terminal -k 5 \"$left\" \"${{SHELL:-/bin/sh}}\" \"$@\""
            );
            Some(format!("exec /bin/sh -c {}", quoted(&script)))
        }
    }

    /// One word for a POSIX shell.
    fn quoted(text: &str) -> String {
        format!("'{}'", text.replace('\'', r"'\''"))
    }

    fn private(admin: &Login) -> Result<PrivateKey, ConnectError> {
        let key = PrivateKey::from_openssh(admin.secret.expose()).ok();
        key.filter(|key| !key.is_encrypted() && key.algorithm() == Algorithm::Ed25519).ok_or_else(|| {
            let why =
                "what is sealed is no private key of an Ed25519 authority in OpenSSH form, without a passphrase";
            ConnectError::Unusable(why.to_owned())
        })
    }

    /// The member's public key; nothing if it is of a kind that no longer protects anything, or unknown here.
    fn public(line: &str) -> Option<KeyData> {
        let key = (line.len() <= MAX_KEY_TEXT).then(|| PublicKey::from_openssh(line.trim()).ok()).flatten()?;
        let strong = match key.key_data() {
            KeyData::Ed25519(_) | KeyData::SkEd25519(_) => true,
            KeyData::Rsa(key) => key.n.as_positive_bytes().is_some_and(|n| n.len() >= MIN_RSA),
            _ => false,
        };
        strong.then(|| key.key_data().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_do_not_promise_what_sshd_does_not_do() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
        let accepted = |user: &str, extensions: &[&str], end: bool| {
            let text = serde_json::json!({"target": "a:22", "user": user, "authority": key,
                                          "extensions": extensions, "end_sessions": end});
            serde_json::from_value::<Settings>(text).is_ok()
        };
        assert!(accepted("web", &["permit-pty"], true) && accepted("web", &["permit-port-forwarding"], false));
        assert!(!accepted("web", &["permit-pty", "permit-port-forwarding"], true), "`ssh -N` would stay");
        assert!(!accepted("-oProxyCommand=x", &[], true), "an option of the member's ssh");
        let from = |network: &str| {
            let text = serde_json::json!({"target": "a:22", "user": "web", "authority": key,
                                          "source_addresses": [network]});
            serde_json::from_value::<Settings>(text).is_ok()
        };
        assert!(["192.0.2.0/24", "192.0.2.1", "2001:db8::/32", "::/0"].into_iter().all(from));
        assert!(!["192.0.2.0/+24", "192.0.2.0/024", "192.0.2.0/33", "192.0.2.0/", "a"].into_iter().any(from));
    }
}
