//! OpenLDAP.

use sequestre::connect::{ConnectError, Connector, FieldName, Login};
use serde_json::{Value, json};

use crate::kit::{self, field, mint, name, secret};
use crate::proxy::{Fault, Proxy};
use crate::servers::{Certificates, Slapd};

const KEEPER: (&str, &str) = ("cn=keeper,dc=example,dc=org", "the password of the keeper");
const TREASURER: &str = "uid=treasurer,ou=people,dc=example,dc=org";

/// The keeper, an account, and a place for entries of leases; the keeper may write there and set passwords. People may
/// rename themselves.
fn directory(certificates: &Certificates) -> Slapd {
    let ldif = format!(
        "dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\no: Example\n\n\
         dn: {}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: keeper\nuserPassword: {}\n\n\
         dn: ou=people,dc=example,dc=org\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: {TREASURER}\nobjectClass: inetOrgPerson\nuid: treasurer\ncn: Treasurer\nsn: T\nuserPassword: before\n\n\
         dn: ou=leases,dc=example,dc=org\nobjectClass: organizationalUnit\nou: leases\n",
        KEEPER.0, KEEPER.1
    );
    let keeper = KEEPER.0;
    let access = format!(
        "access to attrs=userPassword by dn.exact={keeper} write by self write by anonymous auth\n\
         access to dn.subtree=ou=leases,dc=example,dc=org by dn.exact={keeper} write by * read\n\
         access to dn.subtree=ou=people,dc=example,dc=org by users write by * read\n\
         access to * by * read"
    );
    Slapd::start(&ldif, &access, certificates)
}

fn password_of(dn: &str) -> Value {
    json!({"password_of": dn})
}

fn entry() -> Value {
    json!({"entry": {
        "base": "ou=leases,dc=example,dc=org",
        "naming": "uid",
        "attributes": {
            "objectClass": ["inetOrgPerson"], "cn": ["{lease}"], "sn": ["of {lease}"], "description": ["{mark}"],
        },
    }})
}

fn connector(port: u16, lease: Value) -> Connector {
    kit::connector(&json!({"kind": "ldap", "target": format!("127.0.0.1:{port}"), "lease": lease}))
}

fn keeper() -> Login {
    kit::login(KEEPER.0, KEEPER.1)
}

fn dn(index: u64) -> String {
    format!("uid=seq-abababab-{index},ou=leases,dc=example,dc=org")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_an_entry_of_its_own_and_is_removed() {
    let directory = directory(&Certificates::new());
    let (connector, admin) = (connector(directory.port, entry()), keeper());
    let minted = mint(&connector, &admin, 1, "first secret").await.unwrap();
    assert_eq!(field(&minted, FieldName::Dn), dn(1));
    assert_eq!(field(&minted, FieldName::User), "seq-abababab-1");
    assert_eq!(field(&minted, FieldName::Port), directory.port.to_string());
    assert!(directory.accepts(&dn(1), &field(&minted, FieldName::Password)));
    let seen = directory.entry(&dn(1), KEEPER);
    assert!(seen.contains("sn: of seq-abababab-1\n"), "{seen}");
    assert!(seen.contains("userPassword:: e1NTSEF9"), "the directory hashed it ({{SSHA}}): {seen}");

    mint(&connector, &admin, 1, "second secret").await.unwrap();
    assert!(!directory.accepts(&dn(1), "first secret"));
    assert!(directory.accepts(&dn(1), "second secret"));
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(!directory.accepts(&dn(1), "second secret"));
    assert_eq!(directory.entry(&dn(1), KEEPER), "");
    connector.revoke(&admin, &name(1)).await.unwrap();

    // An entry that cannot be removed lets nobody in, and is told.
    mint(&connector, &admin, 1, "the secret").await.unwrap();
    let below = format!("cn=below,{}", dn(1));
    directory.add(&format!("dn: {below}\nobjectClass: organizationalRole\ncn: below\n"), KEEPER);
    let error = connector.revoke(&admin, &name(1)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
    assert!(!directory.accepts(&dn(1), "the secret"));
    directory.remove(&below, KEEPER);
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert_eq!(directory.entry(&dn(1), KEEPER), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_a_password_for_an_account_and_becomes_one_that_nobody_knows() {
    let directory = directory(&Certificates::new());
    let (connector, admin) = (connector(directory.port, password_of(TREASURER)), keeper());
    let minted = mint(&connector, &admin, 1, "the secret").await.unwrap();
    assert_eq!(field(&minted, FieldName::Dn), TREASURER);
    assert!(directory.accepts(TREASURER, "the secret"));
    assert!(!directory.accepts(TREASURER, "before"));
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(!directory.accepts(TREASURER, "the secret"));
    connector.revoke(&admin, &name(1)).await.unwrap();

    let nobody = self::connector(directory.port, password_of("uid=nobody,ou=people,dc=example,dc=org"));
    let error = mint(&nobody, &admin, 2, "the secret").await.err().unwrap();
    assert!(matches!(error, ConnectError::Refused { .. }) && error.is_definite(), "{error}");
}

/// That an account is not where it was does not mean that nobody can log in with it: whoever had the lease may have
/// renamed it. It stays due until the account is there again.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_renamed_is_not_taken_for_one_that_was_given_back() {
    const RENAMED: &str = "uid=somebody,ou=people,dc=example,dc=org";
    let directory = directory(&Certificates::new());
    let (connector, admin) = (connector(directory.port, password_of(TREASURER)), keeper());
    mint(&connector, &admin, 1, "the secret").await.unwrap();
    directory.rename(TREASURER, "uid=somebody", (TREASURER, "the secret"));
    let error = connector.revoke(&admin, &name(1)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
    assert!(directory.accepts(RENAMED, "the secret"));
    directory.rename(RENAMED, "uid=treasurer", (RENAMED, "the secret"));
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(!directory.accepts(TREASURER, "the secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_or_not_allowed_is_refused_and_untouched() {
    let directory = directory(&Certificates::new());
    let (connector, admin) = (connector(directory.port, entry()), keeper());
    // An entry of the same name that was made for another association's lease.
    let mut unmarked = entry();
    unmarked["entry"]["attributes"]["description"] = json!(["something else"]);
    unmarked["entry"]["attributes"]["l"] = json!(["{mark}"]);
    mint(&self::connector(directory.port, unmarked), &admin, 1, "its own").await.unwrap();
    for error in [
        mint(&connector, &admin, 1, "secret").await.err().unwrap(),
        connector.revoke(&admin, &name(1)).await.unwrap_err(),
    ] {
        assert!(matches!(&error, ConnectError::NotOurs { name, .. } if *name == dn(1)), "{error}");
    }
    assert!(directory.accepts(&dn(1), "its own"));

    // The treasurer may neither make entries nor set the keeper's password.
    let treasurer = kit::login(TREASURER, "before");
    let error = mint(&connector, &treasurer, 2, "secret").await.err().unwrap();
    assert!(matches!(error, ConnectError::Refused { .. }) && error.is_definite(), "{error}");
    let keepers = self::connector(directory.port, password_of(KEEPER.0));
    let error = mint(&keepers, &treasurer, 2, "secret").await.err().unwrap();
    assert!(matches!(error, ConnectError::Refused { .. }) && error.is_definite(), "{error}");
    assert!(directory.accepts(KEEPER.0, KEEPER.1));
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_changes_the_administrators_password_and_verifying_says_which_counts() {
    let directory = directory(&Certificates::new());
    let connector = connector(directory.port, password_of(TREASURER));
    let (old, new) = (keeper(), kit::login(KEEPER.0, "another password"));
    assert!(connector.verify(&old).await.unwrap());
    assert!(!connector.verify(&new).await.unwrap());
    connector.rotate(&old, &new.secret).await.unwrap();
    assert!(!connector.verify(&old).await.unwrap());
    assert!(connector.verify(&new).await.unwrap());
    assert!(directory.accepts(KEEPER.0, "another password"));
    // A directory takes a login without a password as one of nobody, and says yes.
    assert!(!connector.verify(&kit::login(KEEPER.0, "")).await.unwrap());
    let error = connector.verify(&kit::login("", "x")).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unusable(_)));
    let error = connector.revoke(&old, &name(1)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Denied { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_is_encrypted_and_the_directory_proves_who_it_is() {
    let (certificates, wrong) = (Certificates::new(), Certificates::new());
    let directory = directory(&certificates);
    let authority = |certificates: &Certificates| json!({"authority": certificates.authority});
    let only = |certificates: &Certificates| json!({"certificate": certificates.digest});
    for (host, start_tls, tls, reached) in [
        ("localhost", false, authority(&certificates), true),
        ("localhost", true, authority(&certificates), true),
        ("127.0.0.1", true, authority(&certificates), false),
        ("localhost", false, authority(&wrong), false),
        ("localhost", true, authority(&wrong), false),
        ("127.0.0.1", false, only(&certificates), true),
        ("127.0.0.1", true, only(&certificates), true),
        ("127.0.0.1", true, only(&wrong), false),
        ("localhost", true, json!("verified"), false),
    ] {
        let case = format!("{host}, StartTLS: {start_tls}, {tls}");
        let port = if start_tls { directory.port } else { directory.tls_port };
        let target = format!("{host}:{port}");
        let settings = json!({"kind": "ldap", "target": target, "tls": tls, "start_tls": start_tls,
                              "lease": password_of(TREASURER)});
        match kit::connector(&settings).verify(&keeper()).await {
            Ok(works) => assert!(works && reached, "{case}"),
            Err(ConnectError::Unreachable { .. }) => assert!(!reached, "{case}"),
            Err(error) => panic!("{case}: {error}"),
        }
    }
}

/// Every operation of every call, lost on the way there and on the way back; then the call again.
#[tokio::test(flavor = "multi_thread")]
async fn faults_leave_what_was_or_say_that_they_may_not() {
    const MODIFY: &[u8] = b"1.3.6.1.4.1.4203.1.11.1";
    let mut directory = directory(&Certificates::new());
    let proxy = Proxy::before(directory.port);
    let admin = keeper();
    let mut index = 10;
    let operations = [
        // (call, what a lease is, an operation of it, did it when the answer was lost, is sure that it did not)
        ("mint", entry(), KEEPER.1.as_bytes(), false, true),
        ("mint", entry(), b"inetOrgPerson", false, false),
        ("mint", entry(), MODIFY, false, false),
        ("mint", entry(), b"the secret", true, false),
        ("mint", password_of(TREASURER), MODIFY, false, false),
        ("mint", password_of(TREASURER), b"the secret", true, false),
        ("revoke", entry(), b"description", false, true),
        ("revoke", entry(), b"\x4a", true, false),
        ("revoke", password_of(TREASURER), MODIFY, true, false),
        ("rotate", entry(), MODIFY, true, false),
    ];
    for (call, lease, operation, did_it, sure) in operations {
        for arrives in [false, true] {
            index += 1;
            let case = format!("{call} {lease}, at {:?}, arrives: {arrives}", String::from_utf8_lossy(operation));
            let dn = if lease == entry() { dn(index) } else { TREASURER.to_owned() };
            let connector = connector(proxy.port, lease.clone());
            if call == "revoke" {
                mint(&connector, &admin, index, "the secret").await.unwrap();
            }
            // The tag of a deletion stands before its length and the name.
            let mut pattern = operation.to_vec();
            if operation == b"\x4a" {
                pattern.push(u8::try_from(dn.len()).unwrap());
            }
            proxy.arm(&pattern, if arrives { Fault::Answer } else { Fault::Request });
            let next = secret("the next password");
            let result = match call {
                "mint" => mint(&connector, &admin, index, "the secret").await.map(drop),
                "revoke" => connector.revoke(&admin, &name(index)).await,
                _ => connector.rotate(&admin, &next).await,
            };
            let error = result.expect_err(&case);
            assert!(proxy.is_spent(), "{case}");
            assert_eq!(error.is_definite(), sure, "{case}: {error}");

            let happened = did_it && arrives;
            match call {
                "mint" => {
                    assert_eq!(directory.accepts(&dn, "the secret"), happened, "{case}");
                    if index % 2 == 0 {
                        mint(&connector, &admin, index, "again").await.expect(&case);
                        assert!(directory.accepts(&dn, "again"), "{case}");
                    }
                    connector.revoke(&admin, &name(index)).await.expect(&case);
                }
                "revoke" => {
                    assert_eq!(directory.accepts(&dn, "the secret"), !happened, "{case}");
                    connector.revoke(&admin, &name(index)).await.expect(&case);
                }
                _ => {
                    let next = kit::login(KEEPER.0, "the next password");
                    assert_eq!(connector.verify(&next).await.expect(&case), happened, "{case}");
                    assert_eq!(connector.verify(&admin).await.expect(&case), !happened, "{case}");
                    if happened {
                        connector.rotate(&next, &admin.secret).await.expect(&case);
                    }
                }
            }
            assert!(!directory.accepts(&dn, "the secret") && !directory.accepts(&dn, "again"), "{case}");
            if lease == entry() {
                assert_eq!(directory.entry(&dn, KEEPER), "", "{case}");
            }
        }
    }

    let connector = connector(directory.port, entry());
    mint(&connector, &admin, 1, "the secret").await.unwrap();
    directory.stop();
    let next = secret("the next password");
    for error in [
        mint(&connector, &admin, 2, "the secret").await.err().unwrap(),
        connector.revoke(&admin, &name(1)).await.unwrap_err(),
        connector.rotate(&admin, &next).await.unwrap_err(),
        connector.verify(&admin).await.unwrap_err(),
    ] {
        assert!(matches!(error, ConnectError::Unreachable { .. }) && error.is_definite(), "{error}");
    }
    directory.run();
    assert!(directory.accepts(&dn(1), "the secret"));
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(!directory.accepts(&dn(1), "the secret"));
}

/// A lease's password that arrives after the end of the lease is not taken any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_comes_late_does_not_count() {
    let directory = directory(&Certificates::new());
    let proxy = Proxy::before(directory.port);
    for (index, lease, dn) in [(1, entry(), dn(1)), (2, password_of(TREASURER), TREASURER.to_owned())] {
        let (cut, direct) = (connector(proxy.port, lease.clone()), connector(directory.port, lease));
        let go = proxy.arm_late(b"the secret");
        let error = mint(&cut, &keeper(), index, "the secret").await.err().unwrap();
        assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
        direct.revoke(&keeper(), &name(index)).await.unwrap();
        go.send(()).unwrap();
        proxy.wait_until_quiet();
        assert!(!directory.accepts(&dn, "the secret"), "{dn}");
    }
}
