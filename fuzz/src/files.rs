//! Files that people write: configuration, connectors, deposits, plans, texts.

/// `sequestred.toml`.
pub mod configuration {
    use sequestre::daemon::config::{Config, FILE, Overrides};

    pub fn seeds() -> Vec<Vec<u8>> {
        let listen = "127.0.0.1:7443".parse().expect("an address");
        let config = Config::new("escrow.example.org", listen).expect("defaults");
        let connect = "[connect]\ntargets = [\"db.example.org:5432\"]\ncalls_per_target = 2\n\
                       [connect.exec.mail]\npath = \"/bin/true\"\narguments = [\"a\"]\n";
        let text = config.to_toml();
        let head = format!("name = \"a.example:1\"\nlisten = \"[::1]:1\"\n{connect}");
        vec![text.into_bytes(), head.into_bytes()]
    }

    pub fn check(data: &[u8]) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(FILE);
        std::fs::write(&path, data).expect("a file");
        let Ok(config) = Config::load(folder.path(), &Overrides::default()) else { return };
        std::fs::write(&path, config.to_toml()).expect("a file");
        let again = Config::load(folder.path(), &Overrides::default());
        assert_eq!(again.expect("what `config` prints is read"), config);
        let limits = &config.limits;
        assert!(limits.max_connections > 0 && limits.streams_per_connection > 0 && limits.requests_per_minute > 0);
        let _ = config.address();
    }
}

/// The text that stands with an account.
pub mod settings {
    use sequestre::connect::krl::Authority;
    use sequestre::connect::password;
    use sequestre::connect::settings::{Settings, Target};

    pub fn seeds() -> Vec<Vec<u8>> {
        [
            r#"{"kind": "postgresql", "target": "127.0.0.1:5432", "database": "members", "rights_of": "editors",
                "reassign_to": "archive", "connections": 3, "password": {"length": 20, "forbidden": "0O"}}"#,
            r#"{"kind": "ldap", "target": "[::1]:389", "start_tls": true, "lease": {"entry": {
                "base": "ou=leases,dc=example,dc=org", "naming": "uid", "attributes": {
                "objectClass": ["inetOrgPerson"], "cn": ["{lease}"], "description": ["{mark}"]}}}}"#,
            r#"{"kind": "ldap", "target": "127.0.0.1:389", "lease": {"password_of": "uid=board,dc=example"}}"#,
            r#"{"kind": "ssh", "principals": ["web"], "end_sessions": false}"#,
            r#"{"kind": "wordpress", "site": "https://www.example.org", "user": "redaction", "lease": "password",
                "admin": "password", "email": "web@example.org", "keep": []}"#,
            r#"{"kind": "exec", "program": "dovecot", "options": {"domain": "example.org"}, "exclusive": true}"#,
            r#"{"kind": "http", "base": "https://api.example.org/v1", "auth": {"bearer": "{secret}"},
                "verify": [{"method": "GET", "path": "/me"}],
                "mint": [{"method": "GET", "path": "/tokens", "find": {"where": {"/name": "{lease}"},
                          "take": {"id": "/id"}, "each": [{"method": "DELETE", "path": "/tokens/{id}"}]}},
                         {"method": "POST", "path": "/tokens", "json": {"name": "{lease}", "expires": "{until_utc}"},
                          "take": {"token": "/token"}}],
                "gives": {"token": "{token}"},
                "revoke": [{"method": "GET", "path": "/tokens", "find": {"where": {"/name": "{lease}"},
                            "take": {"id": "/id"}, "each": [{"method": "DELETE", "path": "/tokens/{id}",
                            "success": {"status": [204, 404]}}]}}]}"#,
        ]
        .map(|text| text.as_bytes().to_vec())
        .into()
    }

    pub fn check(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        if let Ok(target) = Target::parse(text) {
            assert_eq!(Target::parse(&target.to_string()).expect("what was written is read"), target);
        }
        let _ = Authority::parse(text);
        let Ok(settings) = Settings::parse(text) else { return };
        // Which kind, where to, and what its passwords look like is known from the text alone.
        assert!(!settings.kind().is_empty());
        let _ = settings.needs_exclusive();
        for target in settings.targets() {
            assert_eq!(Target::parse(&target.to_string()).expect("what was written is read"), target);
        }
        let password = password::generate(settings.rules()).expect("randomness");
        let letters = password.expose_str().expect("letters").chars();
        assert!(letters.clone().all(|c| c.is_ascii_graphic()));
        assert!((11..=128).contains(&letters.count()), "a password of an odd length");
    }
}

/// Deposits, plans of a founding, texts, dates.
pub mod texts {
    use sequestre::client::deposit;
    use sequestre::client::found::Plan;
    use sequestre::client::renewal::RenewalDate;
    use sequestre::escrow::id::BlobId;
    use sequestre::escrow::text::{Text, looks_like};
    use sequestre::seal::secret::Secret;

    pub fn seeds() -> Vec<Vec<u8>> {
        [
            r#"{"user_name": "amis", "password": "a password", "totp_secret": "JBSWY3DPEHPK3PXP",
                "recovery_codes": "1111 2222", "notes": "é", "sheet": {"kind": "registrar", "renewal": "2027-03-09"}}"#,
            r#"{"name": "Les Amis", "me": "Awa", "people": [{"name": "Bruno", "roles": ["trustee"]}],
                "quorums": {"everyday": [{"threshold": 2, "members": "all"}]}, "vaults": {"main": ["everyday"]},
                "admission": "everyday", "destroy_delay": 604800}"#,
            "2027-03-09",
            "9.3.2027",
            "Chloé Дамья ﬁ e\u{301}",
        ]
        .map(|text| text.as_bytes().to_vec())
        .into()
    }

    pub fn check(data: &[u8]) {
        let _ = deposit::from_json(&Secret::new(data.to_vec()));
        if let Ok(plan) = serde_json::from_slice::<Plan>(data) {
            let text = serde_json::to_string(&plan).expect("it was one");
            let again: Plan = serde_json::from_str(&text).expect("what was written is read");
            assert_eq!(serde_json::to_string(&again).expect("it was one"), text);
        }
        // A text's blob is named by its digest, and says the same again; nothing invisible gets through.
        let id = BlobId::of(data);
        for text in [Text::from_blob(data, id), Text::multiline_from_blob(data, id)].into_iter().flatten() {
            assert!(!text.as_str().contains(['\u{200b}', '\u{202e}', '\u{feff}', '\u{7f}', '\r', '\0']));
            assert!(looks_like(text.as_str(), text.as_str()));
        }
        let Ok(text) = std::str::from_utf8(data) else { return };
        if let Ok(text) = Text::parse(text) {
            let blob = text.to_blob(&[1; 32]);
            let again = Text::from_blob(&blob, BlobId::of(&blob)).expect("what was written is read");
            assert_eq!(again.as_str(), text.as_str());
            assert!(!text.as_str().contains('\n'));
        }
        if let Some(date) = RenewalDate::parse(text) {
            let date = date.date().to_string();
            assert_eq!(RenewalDate::parse(&date).expect("what was written is read").date().to_string(), date);
        }
    }
}
