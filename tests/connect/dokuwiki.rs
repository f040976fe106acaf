//! DokuWiki, from the Debian package, with the ready-made program.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sequestre::connect::exec::Program;
use sequestre::connect::{ConnectError, Connector, FieldName, Lease, LeaseName};
use sequestre::escrow::id::OrganisationId;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kit::{PATIENCE, against, field, in_seconds, login, mint, name, secret};
use crate::servers::{folder, hand_over};
use crate::sites::{Site, form, http, script};
use crate::tools::{dying, program, ready_made};

const INSTALL: &str = "/usr/share/dokuwiki";

/// A wiki with a superuser, a manager and a user.
struct DokuWiki {
    site: Site,
    folder: TempDir,
}

impl DokuWiki {
    fn start() -> Self {
        let folder = folder();
        let path = |name: &str| folder.path().join(name);
        let kept =
            ["attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta", "pages", "tmp"];
        for name in ["conf", "data"].map(str::to_owned).into_iter().chain(kept.map(|name| format!("data/{name}"))) {
            fs::create_dir(path(&name)).unwrap();
            hand_over(&path(&name));
        }
        let hash =
            |password: &str| script(folder.path(), &format!("echo password_hash({password:?}, PASSWORD_BCRYPT);"));
        let users = format!(
            "# users.auth.php\n# <?php exit()?>\nchef:{}:Chef:chef@example.org:admin,user\n\
             nina:{}:Nina:nina@example.org:user\n",
            hash("the chef's own"),
            hash("nina's own"),
        );
        let settings = format!(
            "<?php\n$conf['useacl'] = 1;\n$conf['superuser'] = '@admin';\n$conf['manager'] = '@bureau';\n\
             $conf['savedir'] = '{}';\n$conf['autopasswd'] = 0;\n\
             $conf['disableactions'] = 'rss, register';\n",
            path("data").display()
        );
        let first = format!("<?php define('DOKU_CONF', '{}/');", path("conf").display());
        for (name, text) in [
            ("conf/users.auth.php", users.as_str()),
            ("conf/acl.auth.php", "# <?php exit()?>\n*\t@ALL\t0\n*\t@user\t8\n"),
            ("conf/local.php", &settings),
            ("first.php", &first),
        ] {
            fs::write(path(name), text).unwrap();
            hand_over(&path(name));
        }
        Self { site: Site::start(INSTALL.as_ref(), Some(&path("first.php"))), folder }
    }

    /// Whether people may make accounts for themselves.
    fn lets_register(&self, open: bool) {
        let file = self.folder.path().join("conf/local.php");
        let text = fs::read_to_string(&file).unwrap();
        let (first, _) = text.split_once("$conf['disableactions']").unwrap();
        let disabled = if open { "rss" } else { "rss, register" };
        fs::write(&file, format!("{first}$conf['disableactions'] = '{disabled}';\n")).unwrap();
    }

    fn users(&self) -> PathBuf {
        self.folder.path().join("conf/users.auth.php")
    }

    fn arguments(&self) -> [String; 3] {
        let conf = self.folder.path().join("conf");
        [
            format!("--install={INSTALL}"),
            format!("--url=http://127.0.0.1:{}/", self.site.port),
            format!("--conf={}", conf.display()),
        ]
    }

    fn connector(&self, options: &Value) -> Connector {
        let file = Program::new(&ready_made("dokuwiki.php"), self.arguments().to_vec(), user()).unwrap();
        program(&json!({"kind": "exec", "program": "it", "options": options}), file, PATIENCE)
    }

    /// A page as this session's owner sees it.
    fn page(&self, session: &str, path: &str) -> String {
        let answer = http(self.site.port, "GET", path, &[("Cookie", session)], "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    fn post(&self, session: &str, pairs: &[(&str, &str)]) -> crate::sites::Answer {
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        http(self.site.port, "POST", "/doku.php", &[("Cookie", session), kind], &form(pairs))
    }

    /// Logs in as a person does; the session's cookies, if that is possible.
    fn login(&self, user: &str, password: &str, stay: bool) -> Option<String> {
        let session = http(self.site.port, "GET", "/doku.php?do=login", &[], "").cookies();
        assert!(session.contains("DokuWiki="), "{session}");
        let remember = [("r", "1")];
        let pairs =
            [&[("do", "login"), ("id", "start"), ("u", user), ("p", password)], &remember[..usize::from(stay)]];
        let answer = self.post(&session, &pairs.concat());
        // Of two cookies of one name the first one counts.
        let session = format!("{}; {session}", answer.cookies());
        let is_in = self.who(&session).is_some();
        // A login that worked leads on to the page.
        assert_eq!(answer.status == 302, is_in, "{}", answer.body);
        is_in.then_some(session)
    }

    /// Who a session belongs to; nobody if it has ended.
    fn who(&self, session: &str) -> Option<String> {
        let page = self.page(session, "/doku.php?id=start");
        let (_, rest) = page.split_once("class=\"user\">")?;
        let rest = rest.split_once("(<bdi>").unwrap().1;
        Some(rest.split_once('<').unwrap().0.to_owned())
    }
}

/// The wiki's files belong to the user whom web servers run as.
fn user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("65534:65534")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_an_account_of_its_own_that_is_deleted() {
    let wiki = DokuWiki::start();
    let (connector, admin) = (wiki.connector(&json!({"groups": ["user"]})), login("chef", "the chef's own"));
    assert!(connector.verify(&admin).await.unwrap());
    // The right password of somebody who may not lend, too.
    for wrong in [login("chef", "wrong"), login("nina", "nina's own"), login("nobody", "x")] {
        assert!(!connector.verify(&wrong).await.unwrap());
        let calls: [Result<(), ConnectError>; 2] =
            [mint(&connector, &wrong, 1, "lent").await.map(drop), connector.rotate(&wrong, &secret("next")).await];
        for error in calls.map(Result::unwrap_err) {
            assert!(matches!(error, ConnectError::Denied { .. }), "{error}");
        }
    }

    let own = wiki.login("nina", "nina's own", false).unwrap();
    let minted = mint(&connector, &admin, 1, "the 1st \"lent\": é \\").await.unwrap();
    let user = field(&minted, FieldName::User);
    assert_eq!(user, "seq-abababab-1");
    assert!(field(&minted, FieldName::Url).ends_with("/doku.php?do=login"));
    let first = wiki.login(&user, "the 1st \"lent\": é \\", false).unwrap();
    assert_eq!(wiki.who(&first).as_deref(), Some("seq-abababab-1"));
    mint(&connector, &admin, 2, "of another lease").await.unwrap();
    let other = wiki.login("seq-abababab-2", "of another lease", false).unwrap();
    // Again: the secret of the second call counts.
    mint(&connector, &admin, 1, "second").await.unwrap();
    assert_eq!(wiki.who(&first), None);
    assert!(wiki.login(&user, "the 1st \"lent\": é \\", false).is_none());
    let sessions = [false, true].map(|stay| wiki.login(&user, "second", stay).unwrap());

    connector.revoke(&admin, &name(1)).await.unwrap();
    for session in &sessions {
        assert_eq!(wiki.who(session), None);
    }
    assert!(wiki.login(&user, "second", false).is_none());
    assert_eq!(wiki.who(&other).as_deref(), Some("seq-abababab-2"));
    assert_eq!(wiki.who(&own).as_deref(), Some("nina"), "others do not notice");
    connector.revoke(&admin, &name(1)).await.unwrap();
    connector.revoke(&admin, &name(3)).await.unwrap();
    connector.revoke(&admin, &name(2)).await.unwrap();
    assert_eq!(wiki.who(&other), None);

    connector.rotate(&admin, &secret("the chef's next")).await.unwrap();
    let next = login("chef", "the chef's next");
    assert!(!connector.verify(&admin).await.unwrap() && connector.verify(&next).await.unwrap());
    connector.rotate(&admin, &next.secret).await.expect("after a lost answer, again");
    assert!(wiki.login("chef", "the chef's own", false).is_none());
    assert!(wiki.login("chef", "the chef's next", false).is_some());
    let text = fs::read_to_string(wiki.users()).unwrap();
    assert!(text.starts_with("# users.auth.php\n# <?php exit()?>\n") && text.lines().count() == 4, "{text}");
    assert!(text.contains(":Chef:chef@example.org:admin,user\n"), "{text}");
}

/// What whoever deposits an account can write, and what whoever has the lease can do.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_reaches_nothing_and_a_lease_does_not_outlast_its_end() {
    let wiki = DokuWiki::start();
    let admin = login("chef", "the chef's own");
    let before = fs::read_to_string(wiki.users()).unwrap();
    for options in [
        json!({}),
        json!({"groups": []}),
        json!({"groups": "user"}),
        json!({"groups": [1]}),
        json!({"groups": [""]}),
        json!({"groups": ["admin"]}),
        json!({"groups": ["user", "bureau"]}),
        json!({"groups": ["user,admin"]}),
        json!({"groups": ["user\nroot:x:x:x:admin"]}),
        json!({"groups": ["user:admin"]}),
        json!({"groups": ["user\\"]}),
        json!({"groups": ["user#"]}),
        json!({"groups": ["Admin"]}),
        json!({"groups": ["sequestre_x"]}),
        json!({"groups": ["user"], "name": "root"}),
        json!({"groups": vec!["user"; 1000]}),
    ] {
        let error = mint(&wiki.connector(&options), &admin, 1, "lent").await.err().unwrap();
        assert!(matches!(error, ConnectError::Unusable(_)), "{options}: {error}");
    }
    let connector = wiki.connector(&json!({"groups": ["user"]}));
    for user in ["", "seq-abababab-1"] {
        let error = mint(&connector, &login(user, "lent"), 1, "lent").await.err().unwrap();
        assert!(matches!(error, ConnectError::Unusable(_)), "{user}: {error}");
    }
    assert_eq!(fs::read_to_string(wiki.users()).unwrap(), before);

    // An account that somebody made by hand, and one of an association whose id begins with the same eight digits.
    let taken = before.lines().last().unwrap().replace("nina", "seq-abababab-2");
    fs::write(wiki.users(), format!("{before}{taken}\n")).unwrap();
    mint(&connector, &admin, 1, "lent").await.unwrap();
    let mut id = [0xab; 32];
    id[31] = 0;
    let alike = LeaseName::new(OrganisationId::new(id), 1);
    let lent = secret("theirs");
    for name in [&alike, &name(2)] {
        let lease = Lease { name, until: in_seconds(60), input: None, secret: &lent };
        for error in
            [connector.mint(&admin, &lease).await.err().unwrap(), connector.revoke(&admin, name).await.unwrap_err()]
        {
            assert!(matches!(error, ConnectError::NotOurs { .. }), "{error}");
        }
    }

    // Whoever has the lease gives it another name, address and password.
    let session = wiki.login("seq-abababab-1", "lent", false).unwrap();
    let profile = wiki.page(&session, "/doku.php?do=profile");
    let token = profile.split_once("name=\"sectok\" value=\"").unwrap().1.split_once('"').unwrap().0;
    let answer = wiki.post(
        &session,
        &[
            ("do", "profile"),
            ("save", "1"),
            ("sectok", token),
            ("fullname", "Somebody else"),
            ("email", "mine@example.net"),
            ("newpass", "mine"),
            ("passchk", "mine"),
            ("oldpass", "lent"),
        ],
    );
    let session = format!("{}; {session}", answer.cookies());
    let session = wiki.who(&session).map_or_else(|| wiki.login("seq-abababab-1", "mine", true).unwrap(), |_| session);
    let text = fs::read_to_string(wiki.users()).unwrap();
    assert!(text.contains(":Somebody else:mine@example.net:"), "{text}");
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert_eq!(wiki.who(&session), None);
    for password in ["mine", "lent"] {
        assert!(wiki.login("seq-abababab-1", password, false).is_none());
    }
    assert_eq!(fs::read_to_string(wiki.users()).unwrap(), format!("{before}{taken}\n"));

    // A page that was asked for before the end writes the account into the file again.
    mint(&connector, &admin, 3, "lent").await.unwrap();
    let made = fs::read_to_string(wiki.users()).unwrap();
    let revoking = tokio::spawn({
        let (connector, admin) = (wiki.connector(&json!({"groups": ["user"]})), login("chef", "the chef's own"));
        async move { connector.revoke(&admin, &name(3)).await }
    });
    let begin = Instant::now();
    while fs::read_to_string(wiki.users()).unwrap() == made {
        assert!(begin.elapsed() < PATIENCE, "the account is not deleted");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    fs::write(wiki.users(), &made).unwrap();
    revoking.await.unwrap().unwrap();
    assert!(wiki.login("seq-abababab-3", "lent", false).is_none());
    // Pages that are asked for again and again by whoever is in again: that is not over.
    let error = against(|| fs::write(wiki.users(), &made).unwrap(), connector.revoke(&admin, &name(3))).await;
    assert!(matches!(error, Err(ConnectError::Unfinished { .. })), "{error:?}");
    connector.revoke(&admin, &name(3)).await.unwrap();
    assert!(wiki.login("seq-abababab-3", "lent", false).is_none());
    assert_eq!(fs::read_to_string(wiki.users()).unwrap(), format!("{before}{taken}\n"));
}

/// Whoever has a lease could make its name their own.
#[tokio::test(flavor = "multi_thread")]
async fn where_people_may_register_nothing_is_lent_and_a_lease_ends_all_the_same() {
    let wiki = DokuWiki::start();
    let (connector, admin) = (wiki.connector(&json!({"groups": ["bureau2"]})), login("chef", "the chef's own"));
    wiki.lets_register(true);
    let before = fs::read_to_string(wiki.users()).unwrap();
    let error = mint(&connector, &admin, 1, "lent").await.err().unwrap();
    assert!(matches!(error, ConnectError::Unusable(_)), "{error}");
    assert_eq!(fs::read_to_string(wiki.users()).unwrap(), before);

    // Lent, and registering is allowed afterwards.
    wiki.lets_register(false);
    mint(&connector, &admin, 1, "lent").await.unwrap();
    let lent = fs::read_to_string(wiki.users()).unwrap();
    wiki.lets_register(true);
    let session = wiki.login("seq-abababab-1", "lent", true).unwrap();
    let profile = wiki.page(&session, "/doku.php?do=profile");
    let token = profile.split_once("name=\"sectok\" value=\"").unwrap().1.split_once('"').unwrap().0;
    let delete = [("do", "profile_delete"), ("delete", "1"), ("confirm_delete", "1"), ("oldpass", "lent")];
    wiki.post(&session, &[&delete[..], &[("sectok", token)]].concat());
    assert_eq!(fs::read_to_string(wiki.users()).unwrap(), before, "its holder deleted it");
    let register = [
        ("do", "register"),
        ("save", "1"),
        ("login", "seq-abababab-1"),
        ("fullname", "Me"),
        ("email", "me@example.net"),
        ("pass", "mine"),
        ("passchk", "mine"),
    ];
    let page = http(wiki.site.port, "GET", "/doku.php?do=register", &[], "");
    let token = page.body.split_once("name=\"sectok\" value=\"").unwrap().1.split_once('"').unwrap().0;
    wiki.post(&page.cookies(), &[&register[..], &[("sectok", token)]].concat());
    let theirs = fs::read_to_string(wiki.users()).unwrap();
    assert!(theirs.starts_with(&before) && theirs.ends_with(":Me:me@example.net:user\n"), "{theirs}");
    let own = wiki.login("seq-abababab-1", "mine", false).unwrap();
    // What everybody may have is not the lease's.
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert_eq!(wiki.who(&session), None);
    assert_eq!(wiki.who(&own).as_deref(), Some("seq-abababab-1"));
    assert_eq!(fs::read_to_string(wiki.users()).unwrap(), theirs, "nobody's account but ours");

    // The lease's, from which somebody took the mark: not what everybody may have. Its sessions end, for now.
    let purge = wiki.folder.path().join("data/cache/sessionpurge");
    let (start, groups) = lent.split_once("bureau2,sequestre_").unwrap();
    let unmarked = format!("{start}bureau2{}", &groups[32..]);
    for (text, open) in [(&unmarked, true), (&unmarked, false), (&theirs, false)] {
        fs::write(wiki.users(), text).unwrap();
        let session = wiki.login("seq-abababab-1", if *text == theirs { "mine" } else { "lent" }, false).unwrap();
        fs::remove_file(&purge).unwrap();
        wiki.lets_register(open);
        let error = connector.revoke(&admin, &name(1)).await.unwrap_err();
        assert!(matches!(error, ConnectError::NotOurs { .. }), "{error}");
        assert!(purge.exists(), "sessions are looked up again");
        assert_eq!(wiki.who(&session).as_deref(), Some("seq-abababab-1"), "it can log in, and does so again");
        assert_eq!(&fs::read_to_string(wiki.users()).unwrap(), text);
    }
    // A superuser deletes it.
    fs::write(wiki.users(), &before).unwrap();
    connector.revoke(&admin, &name(1)).await.unwrap();
}

/// The call fails and did nothing; it did half of it, or everything; it is cut off; the web server is down.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_failed_is_made_again() {
    let mut wiki = DokuWiki::start();
    let (options, admin) = (json!({"groups": ["user"]}), login("chef", "the chef's own"));
    let whole = wiki.connector(&options);
    let lets_in = |wiki: &DokuWiki, user: &str, password: &str| wiki.login(user, password, false).is_some();
    mint(&whole, &admin, 1, "lent").await.unwrap();

    let hidden = wiki.folder.path().join("hidden");
    fs::rename(wiki.users(), &hidden).unwrap();
    let calls: [Result<(), ConnectError>; 3] = [
        mint(&whole, &admin, 2, "lent").await.map(drop),
        whole.revoke(&admin, &name(1)).await,
        whole.rotate(&admin, &secret("next")).await,
    ];
    for error in calls.map(Result::unwrap_err) {
        assert!(matches!(error, ConnectError::Unusable(_)), "{error}");
    }
    fs::rename(&hidden, wiki.users()).unwrap();
    assert!(lets_in(&wiki, "seq-abababab-1", "lent"));

    // The account is deleted, and then the sessions cannot be ended: it says so.
    let purge = wiki.folder.path().join("data/cache/sessionpurge");
    fs::remove_file(&purge).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", &purge).unwrap();
    let session = wiki.login("seq-abababab-1", "lent", false).unwrap();
    let error = whole.revoke(&admin, &name(1)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unfinished { .. }), "{error}");
    assert!(wiki.who(&session).is_some() && !lets_in(&wiki, "seq-abababab-1", "lent"));
    fs::remove_file(&purge).unwrap();
    whole.revoke(&admin, &name(1)).await.unwrap();
    assert_eq!(wiki.who(&session), None);

    let folder = tempfile::tempdir().unwrap();
    let dies = |when: &str| {
        let file = dying(folder.path(), when, &ready_made("dokuwiki.php"), &wiki.arguments(), user());
        program(&json!({"kind": "exec", "program": "it", "options": options}), file, PATIENCE)
    };
    for when in ["before", "after"] {
        let error = mint(&dies(when), &admin, 2, "lost").await.err().unwrap();
        assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
        assert_eq!(lets_in(&wiki, "seq-abababab-2", "lost"), when == "after");
        mint(&whole, &admin, 2, "lent").await.unwrap();
        assert!(lets_in(&wiki, "seq-abababab-2", "lent") && !lets_in(&wiki, "seq-abababab-2", "lost"));
        let error = dies(when).revoke(&admin, &name(2)).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
        assert_eq!(lets_in(&wiki, "seq-abababab-2", "lent"), when == "before");
        whole.revoke(&admin, &name(2)).await.unwrap();
        assert!(!lets_in(&wiki, "seq-abababab-2", "lent"));
    }

    // Cut off somewhere in between: nobody else's account is lost.
    let others = |text: String| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with("seq-")).map(str::to_owned).collect()
    };
    let before = others(fs::read_to_string(wiki.users()).unwrap());
    let mut cut_off = 0;
    for index in 10..14 {
        let limit = Duration::from_millis(40 * (index - 9));
        cut_off += u32::from(tokio::time::timeout(limit, mint(&whole, &admin, index, "lent")).await.is_err());
        assert_eq!(others(fs::read_to_string(wiki.users()).unwrap()), before, "{index}");
        let _ = tokio::time::timeout(limit, whole.revoke(&admin, &name(index))).await;
        assert_eq!(others(fs::read_to_string(wiki.users()).unwrap()), before, "{index}");
        whole.revoke(&admin, &name(index)).await.unwrap();
        assert_eq!(others(fs::read_to_string(wiki.users()).unwrap()), before, "{index}");
        assert!(!fs::read_to_string(wiki.users()).unwrap().contains(&name(index).to_string()));
    }
    assert!(cut_off > 0, "it takes longer than that");

    // Down: the files are what counts, so that the lease ends all the same.
    mint(&whole, &admin, 40, "lent").await.unwrap();
    let session = wiki.login("seq-abababab-40", "lent", true).unwrap();
    wiki.site.stop();
    whole.revoke(&admin, &name(40)).await.unwrap();
    wiki.site.run();
    assert_eq!(wiki.who(&session), None);
    assert!(!lets_in(&wiki, "seq-abababab-40", "lent"));
}
