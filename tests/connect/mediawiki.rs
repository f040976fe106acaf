//! MediaWiki, from the Debian package, with the ready-made program.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use sequestre::connect::exec::Program;
use sequestre::connect::settings::Settings;
use sequestre::connect::{ConnectError, Connector, FieldName};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kit::{PATIENCE, against, field, login, mint, name, secret};
use crate::servers::{folder, hand_over};
use crate::sites::{MariaDb, Site, form, http, php};
use crate::tools::{program, ready_made};

const INSTALL: &str = "/usr/share/mediawiki";
const ADMIN: (&str, &str) = ("Chef", "the chef's own pass word");

struct MediaWiki {
    site: Option<Site>,
    folder: TempDir,
    database: Option<MariaDb>,
}

impl MediaWiki {
    fn start() -> Self {
        let (database, folder) = (MariaDb::start(), folder());
        let install = format!("{INSTALL}/maintenance/install.php");
        let server = format!("localhost:{}", database.socket().display());
        let configuration = folder.path().display().to_string();
        let arguments = [
            &install,
            "--dbtype",
            "mysql",
            "--dbserver",
            &server,
            "--dbname",
            "wiki",
            "--dbuser",
            "root",
            "--dbpass",
            "",
            "--server",
            "http://127.0.0.1",
            "--scriptpath",
            "",
            "--confpath",
            &configuration,
            "--pass",
            ADMIN.1,
            "Wiki",
            ADMIN.0,
        ];
        let output = php(&arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let mut wiki = Self { site: None, folder, database: Some(database) };
        let mut text = fs::read_to_string(wiki.configuration()).unwrap();
        text.push_str(
            "\n$wgServer = 'http://' . ( $_SERVER['HTTP_HOST'] ?? '127.0.0.1' );\n$wgEnableEmail = true;\n",
        );
        // The package's own folder belongs to the web server.
        text.push_str("$wgCacheDirectory = false;\n$wgMainCacheType = CACHE_DB;\n");
        fs::write(wiki.configuration(), text).unwrap();
        hand_over(&wiki.configuration());
        let add = format!("{INSTALL}/maintenance/createAndPromote.php");
        let conf = wiki.configuration().display().to_string();
        let output = php(&[&add, "--conf", &conf, "Redaction", "an earlier pass word"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let first = wiki.folder.path().join("first.php");
        fs::write(&first, format!("<?php putenv('MW_CONFIG_FILE={conf}');")).unwrap();
        hand_over(&first);
        wiki.site = Some(Site::start(INSTALL.as_ref(), Some(&first)));
        wiki
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("LocalSettings.php")
    }

    fn connector(&self, account: &str) -> Connector {
        let settings = json!({"kind": "exec", "program": "it", "exclusive": true,
                              "options": {"account": account, "email": "web@example.org"}});
        assert!(Settings::parse(&settings.to_string()).unwrap().needs_exclusive());
        let arguments = ["--install", INSTALL, "--conf", self.configuration().to_str().unwrap()].map(str::to_owned);
        // The configuration belongs to the user whom web servers run as.
        let user = rustix::process::geteuid().is_root().then_some("65534:65534");
        let file = Program::new(&ready_made("mediawiki.php"), arguments.to_vec(), user);
        program(&settings, file.unwrap(), PATIENCE)
    }

    fn api(&self, cookies: &str, query: &str, body: &[(&str, &str)]) -> (Value, String) {
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let path = format!("/api.php?format=json&{query}");
        let port = self.site.as_ref().unwrap().port;
        let answer = match body {
            [] => http(port, "GET", &path, &[("Cookie", cookies)], ""),
            body => http(port, "POST", &path, &[("Cookie", cookies), kind], &form(body)),
        };
        assert_eq!(answer.status, 200, "{}", answer.body);
        (serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body)), answer.cookies())
    }

    /// Logs in as a person does; the session's cookies, if that is possible.
    fn login(&self, user: &str, password: &str) -> Option<String> {
        let (token, cookies) = self.api("", "action=query&meta=tokens&type=login", &[]);
        let token = token["query"]["tokens"]["logintoken"].as_str().unwrap();
        let back = [("loginreturnurl", "http://127.0.0.1/"), ("logintoken", token)];
        let who = [("username", user), ("password", password)];
        let (answer, session) = self.api(&cookies, "action=clientlogin", &[back, who].concat());
        match answer["clientlogin"]["status"].as_str() {
            Some("PASS") => Some(format!("{session}; {cookies}")),
            Some("FAIL") => None,
            other => panic!("{other:?} {answer}"),
        }
    }

    /// Who a session belongs to; nobody if it has ended.
    fn who(&self, cookies: &str) -> Option<String> {
        let (answer, _) = self.api(cookies, "action=query&meta=userinfo", &[]);
        let user = &answer["query"]["userinfo"];
        user.get("anon").is_none().then(|| user["name"].as_str().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_a_password_that_is_scrambled_and_its_sessions_end() {
    let mut wiki = MediaWiki::start();
    let (connector, admin) = (wiki.connector("Redaction"), login(ADMIN.0, ADMIN.1));
    assert!(connector.verify(&admin).await.unwrap());
    // The right password of somebody who may not lend, too: not every member can have every account.
    for wrong in [login(ADMIN.0, "wrong"), login("Redaction", "an earlier pass word")] {
        assert!(!connector.verify(&wrong).await.unwrap());
        let calls: [Result<(), ConnectError>; 3] = [
            mint(&connector, &wrong, 1, "a lent pass word").await.map(drop),
            connector.revoke(&wrong, &name(1)).await,
            connector.rotate(&wrong, &secret("another pass word")).await,
        ];
        for error in calls.map(Result::unwrap_err) {
            assert!(matches!(error, ConnectError::Denied { .. }), "{error}");
        }
    }
    let text = fs::read_to_string(wiki.configuration()).unwrap();
    fs::write(wiki.configuration(), format!("{text}$wgMainCacheType = CACHE_ACCEL;\n")).unwrap();
    let error = mint(&connector, &admin, 1, "a lent pass word").await.err().unwrap();
    assert!(matches!(error, ConnectError::Unusable(_)), "sessions could not be ended: {error}");
    fs::write(wiki.configuration(), text).unwrap();

    let earlier = wiki.login("Redaction", "an earlier pass word").unwrap();
    assert_eq!(wiki.who(&earlier).as_deref(), Some("Redaction"));
    for account in [ADMIN.0, "Nobody here", ""] {
        let error = mint(&wiki.connector(account), &admin, 1, "a lent pass word").await.err().unwrap();
        assert!(matches!(error, ConnectError::Unusable(_)), "{account}: {error}");
    }
    let error = mint(&connector, &admin, 1, "short").await.err().unwrap();
    assert!(matches!(error, ConnectError::Refused { .. }), "the wiki's own rules: {error}");

    let minted = mint(&connector, &admin, 1, "the 1st \"lent\" pass word, é").await.unwrap();
    assert_eq!(field(&minted, FieldName::User), "Redaction");
    assert!(field(&minted, FieldName::Url).contains("UserLogin"), "{}", field(&minted, FieldName::Url));
    assert_eq!(wiki.who(&earlier), None, "who was inside is not any more");
    assert!(wiki.login("Redaction", "an earlier pass word").is_none());
    let first = wiki.login("Redaction", "the 1st \"lent\" pass word, é").unwrap();
    // Again: the secret of the second call counts.
    mint(&connector, &admin, 1, "the 2nd lent pass word").await.unwrap();
    assert_eq!(wiki.who(&first), None);
    assert!(wiki.login("Redaction", "the 1st \"lent\" pass word, é").is_none());
    let second = wiki.login("Redaction", "the 2nd lent pass word").unwrap();
    assert_eq!(wiki.who(&second).as_deref(), Some("Redaction"));

    let root = |statements: &str| wiki.database.as_ref().unwrap().root(statements);
    let lent = root("SELECT user_password FROM wiki.user WHERE user_name = 'Redaction';");
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert_eq!(wiki.who(&second), None);
    assert!(wiki.login("Redaction", "the 2nd lent pass word").is_none());
    // A request that was let in before sets a password; then whoever is in again by one makes the next.
    let set = format!("UPDATE wiki.user SET user_password = '{}' WHERE user_name = 'Redaction';", lent.trim());
    let mut once = Some(());
    let late = || drop(once.take().map(|()| root(&set)));
    against(late, connector.revoke(&admin, &name(1))).await.unwrap();
    assert!(wiki.login("Redaction", "the 2nd lent pass word").is_none());
    let error = against(|| drop(root(&set)), connector.revoke(&admin, &name(1))).await;
    assert!(matches!(error, Err(ConnectError::Unfinished { .. })), "{error:?}");
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(wiki.login("Redaction", "the 2nd lent pass word").is_none());

    connector.rotate(&admin, &secret("the chef's next pass word")).await.unwrap();
    let next = login(ADMIN.0, "the chef's next pass word");
    assert!(!connector.verify(&admin).await.unwrap() && connector.verify(&next).await.unwrap());
    connector.rotate(&admin, &next.secret).await.expect("after a lost answer, again");
    assert!(wiki.login(ADMIN.0, ADMIN.1).is_none() && wiki.login(ADMIN.0, "the chef's next pass word").is_some());

    // Given up while it is at work; and with the database down. Then again.
    mint(&connector, &next, 2, "the 3rd lent pass word").await.unwrap();
    let hurried = tokio::time::timeout(Duration::from_millis(30), connector.revoke(&next, &name(2))).await;
    assert!(hurried.is_err(), "it takes longer than that");
    connector.revoke(&next, &name(2)).await.unwrap();
    assert!(wiki.login("Redaction", "the 3rd lent pass word").is_none());
    drop(wiki.database.take());
    let error = connector.revoke(&next, &name(2)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
}
