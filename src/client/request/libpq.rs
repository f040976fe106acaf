//! How PostgreSQL's programs are to reach a target, so that they are no weaker on the way than the server that made the
//! login: left to themselves they try without encryption whatever does not answer with it, and check no certificate.
//!
//! What the person has set themselves counts. This never weakens anything: where the settings ask for nothing, nothing
//! is set.

use std::ffi::OsString;
use std::io::Write as _;

use tempfile::NamedTempFile;

use crate::client::failure::Failure;
use crate::connect::settings::{Postgresql, Tls};

/// How much is encrypted, and what is checked.
const MODE: &str = "PGSSLMODE";
/// A file of certificates, or `system`, from libpq 16 on.
const AUTHORITIES: &str = "PGSSLROOTCERT";
/// Whether the password must prove that both see the same certificate.
const BINDING: &str = "PGCHANNELBINDING";

/// Variables of libpq, and the file that one of them may name, which lasts as long as this.
#[derive(Default)]
pub(super) struct Way {
    pub variables: Vec<(&'static str, OsString)>,
    _authority: Option<NamedTempFile>,
}

/// As the settings say. `is_set`: what the person has in their environment.
pub(super) fn way(settings: &Postgresql, is_set: impl Fn(&str) -> bool) -> Result<Way, Failure> {
    // Whoever chose a mode chose what belongs to it: some pairs are refused.
    if is_set(MODE) {
        return Ok(Way::default());
    }
    let (mut variables, mut authority) = (Vec::new(), None);
    let checked = |authorities: OsString| vec![(MODE, "verify-full".into()), (AUTHORITIES, authorities)];
    match &settings.tls {
        None if settings.target.is_loopback() => {}
        Some(Tls::UnencryptedReadableOnTheWay) => {}
        None | Some(Tls::Verified) => variables = checked(authorities()),
        Some(Tls::Authority(pem)) => {
            let mut file = NamedTempFile::new().map_err(Failure::technical)?;
            file.write_all(pem.as_bytes()).map_err(Failure::technical)?;
            variables = checked(file.path().into());
            authority = Some(file);
        }
        // libpq knows no fingerprints. The password's own proof (SCRAM with channel binding) fails at any other
        // server, and it is then not sent in another way.
        Some(Tls::Certificate(_)) => variables = vec![(MODE, "require".into()), (BINDING, "require".into())],
    }
    Ok(Way { variables, _authority: authority })
}

/// The system's: its file, where it has one, because before version 16 libpq knows no other way to name them.
fn authorities() -> OsString {
    openssl_probe::probe().cert_file.map_or_else(|| "system".into(), OsString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(target: &str, tls: &str) -> Vec<(&'static str, String)> {
        let text = format!(
            r#"{{"target": "{target}", "database": "members", "rights_of": "editors", "reassign_to": "archive"{tls}}}"#
        );
        let way = way(&serde_json::from_str(&text).unwrap(), |_| false).unwrap();
        way.variables.into_iter().map(|(name, value)| (name, value.into_string().unwrap())).collect()
    }

    #[test]
    fn another_machine_is_spoken_to_as_the_settings_say() {
        let system = authorities().into_string().unwrap();
        assert!(system == "system" || std::path::Path::new(&system).is_file(), "{system}");
        let system = vec![(MODE, "verify-full".to_owned()), (AUTHORITIES, system)];
        assert_eq!(told("db.example.org:5432", ""), system);
        assert_eq!(told("db.example.org:5432", r#", "tls": "verified""#), system);
        assert_eq!(told("localhost:5432", r#", "tls": "verified""#), system);
        assert!(told("localhost:5432", "").is_empty());
        assert!(told("db.example.org:5432", r#", "tls": "unencrypted-readable-on-the-way""#).is_empty());
        let fingerprint = format!(r#", "tls": {{"certificate": "{}"}}"#, "0a".repeat(32));
        let bound = vec![(MODE, "require".to_owned()), (BINDING, "require".to_owned())];
        assert_eq!(told("db.example.org:5432", &fingerprint), bound);
    }

    #[test]
    fn an_authority_is_in_a_file_as_long_as_it_is_needed() {
        let text = r#"{"target": "db.example.org:5432", "database": "members", "rights_of": "editors",
            "reassign_to": "archive", "tls": {"authority": "-----BEGIN…"}}"#;
        let settings = serde_json::from_str(text).unwrap();
        let way = way(&settings, |_| false).unwrap();
        let [(MODE, mode), (AUTHORITIES, path)] = way.variables.as_slice() else { panic!("{:?}", way.variables) };
        assert_eq!(
            (mode.to_str(), std::fs::read_to_string(path).unwrap().as_str()),
            (Some("verify-full"), "-----BEGIN…")
        );
        let path = path.clone();
        drop(way);
        assert!(!std::path::Path::new(&path).exists());
    }

    #[test]
    fn whoever_chose_a_mode_chose_the_rest() {
        let text = r#"{"target": "db.example.org:5432", "database": "a", "rights_of": "b", "reassign_to": "c"}"#;
        let settings = serde_json::from_str(text).unwrap();
        assert!(way(&settings, |name| name == MODE).unwrap().variables.is_empty());
        assert_eq!(way(&settings, |name| name == AUTHORITIES).unwrap().variables.len(), 2);
    }
}
