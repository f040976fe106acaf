//! WordPress, from the Debian package, with PHP's own web server and a MariaDB of the test's own.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use base64::Engine as _;
use sequestre::connect::settings::Settings;
use sequestre::connect::{ConnectError, Connector, FieldName, Login};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kit::{connector_within, field, login, mint, name, secret};
use crate::proxy::{Fault, Proxy};
use crate::servers::{folder, hand_over};
use crate::sites::{Answer, MariaDb, Site, form, http, script};

const CODE: &str = "/usr/share/wordpress";
const ADMIN: (&str, &str) = ("chef", "the administrator's \"own\" pass word, with é & %2F");

/// An end waits three seconds.
const LONG: Duration = Duration::from_secs(30);

struct WordPress {
    site: Site,
    root: TempDir,
    _database: MariaDb,
    /// The administrator's application password.
    application: String,
    editor: u64,
}

impl WordPress {
    fn start() -> Self {
        let database = MariaDb::start();
        let root = folder();
        for entry in fs::read_dir(CODE).expect("tests/run installs WordPress: run it once").map(Result::unwrap) {
            if entry.file_name() != "wp-config.php" {
                symlink(entry.path(), root.path().join(entry.file_name())).unwrap();
            }
        }
        // The package's own configuration reads /etc; through the links, this one is found instead.
        let path = root.path().display();
        let socket = database.socket();
        let config = format!(
            "<?php $table_prefix = 'wp_'; require '{path}/values.php'; require_once ABSPATH . 'wp-settings.php';"
        );
        let values = format!(
            "<?php foreach (['DB_NAME' => 'wordpress', 'DB_USER' => 'root', 'DB_PASSWORD' => '',
                'DB_HOST' => 'localhost:{}', 'DB_CHARSET' => 'utf8mb4', 'WP_ENVIRONMENT_TYPE' => 'local',
                'DISABLE_WP_CRON' => true, 'AUTOMATIC_UPDATER_DISABLED' => true, 'WP_HTTP_BLOCK_EXTERNAL' => true,
                'AUTH_KEY' => 'a', 'SECURE_AUTH_KEY' => 'b', 'LOGGED_IN_KEY' => 'c', 'NONCE_KEY' => 'd',
                'AUTH_SALT' => 'e', 'SECURE_AUTH_SALT' => 'f', 'LOGGED_IN_SALT' => 'g', 'NONCE_SALT' => 'h',
                'WP_HOME' => 'http://' . ($_SERVER['HTTP_HOST'] ?? 'localhost'),
                'WP_SITEURL' => 'http://' . ($_SERVER['HTTP_HOST'] ?? 'localhost')] as $n => $v)
                if (!defined($n)) define($n, $v);",
            socket.display()
        );
        let first = format!("<?php define('ABSPATH', '{path}/'); define('WPMU_PLUGIN_DIR', '{path}/plugins');");
        // What a request of the member does that is under way while the lease ends.
        fs::create_dir(root.path().join("plugins")).unwrap();
        let late = format!(
            "<?php function late($when, $user) {{
                global $wpdb;
                switch (@file_get_contents('{path}/late') . ', ' . $when) {{
                    case 'password, deleted': case 'password for ever, changed':
                        wp_set_password('mine for ever', $user); break;
                    case 'address, deleted': case 'address for ever, changed':
                        $wpdb->update($wpdb->users, ['user_email' => 'mine@example.net'], ['ID' => $user]);
                        clean_user_cache($user); break;
                    case 'another, deleted':
                        file_put_contents('{path}/late', '');
                        WP_Application_Passwords::create_new_application_password($user, ['name' => 'again']);
                }}
            }}
            add_action('wp_delete_application_password', fn ($user) => late('deleted', $user));
            add_action('profile_update', fn ($user) => late('changed', $user));"
        );
        for (name, text) in
            [("wp-config.php", &config), ("values.php", &values), ("first.php", &first), ("plugins/late.php", &late)]
        {
            let file = root.path().join(name);
            fs::write(&file, text).unwrap();
            hand_over(&file);
        }
        let made = script(
            root.path(),
            &format!(
                "(new mysqli(null, 'root', '', null, 0, '{}'))->query('CREATE DATABASE wordpress');
                 define('WP_INSTALLING', true); require '{path}/first.php'; require '{path}/wp-load.php';
                 require_once ABSPATH . 'wp-admin/includes/upgrade.php';
                 wp_install('An association', {}, 'chef@example.org', false, '', wp_slash({}));
                 $editor = wp_insert_user(['user_login' => 'redaction', 'user_pass' => wp_generate_password(40),
                    'user_email' => 'redaction@example.org', 'role' => 'editor']);
                 wp_insert_user(['user_login' => 'redaction2', 'user_pass' => wp_generate_password(40),
                    'user_email' => 'redaction2@example.org', 'role' => 'editor']);
                 $admin = get_user_by('login', {})->ID;
                 [$password] = WP_Application_Passwords::create_new_application_password($admin, ['name' => 'escrow']);
                 echo json_encode(['editor' => $editor, 'application' => $password]);",
                socket.display(),
                quoted(ADMIN.0),
                quoted(ADMIN.1),
                quoted(ADMIN.0),
            ),
        );
        let line = made.lines().last().unwrap_or_default();
        let made: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not installed: {made}"));
        let site = Site::start(root.path(), Some(&root.path().join("first.php")));
        let application = made["application"].as_str().unwrap().to_owned();
        Self { site, root, _database: database, application, editor: made["editor"].as_u64().unwrap() }
    }

    /// Runs PHP inside of the site.
    fn php(&self, text: &str) -> String {
        let path = self.root.path().display();
        script(self.root.path(), &format!("require '{path}/first.php'; require '{path}/wp-load.php'; {text}"))
    }

    fn settings(&self, port: u16, more: Value) -> Value {
        let mut settings =
            json!({"kind": "wordpress", "site": format!("http://127.0.0.1:{port}"), "user": "redaction"});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        settings
    }

    fn application(&self) -> Login {
        login(ADMIN.0, &self.application)
    }

    /// Who one is with an application password.
    fn me(&self, user: &str, password: &str) -> Answer {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let basic = format!("Basic {pair}");
        http(self.site.port, "GET", "/?rest_route=/wp/v2/users/me", &[("Authorization", &basic)], "")
    }

    /// A request of the editor with an application password.
    fn rest(&self, method: &str, route: &str, password: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("redaction:{password}"));
        let (basic, path) = (format!("Basic {pair}"), format!("/?rest_route=/wp/v2{route}"));
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let answer = http(self.site.port, method, &path, &[("Authorization", &basic), kind], &form(fields));
        let json = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body));
        (answer.status, json)
    }

    /// The page of a person who logs in.
    fn log_in(&self, user: &str, password: &str) -> Answer {
        let body = form(&[("log", user), ("pwd", password)]);
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        http(self.site.port, "POST", "/wp-login.php", &[kind], &body)
    }

    /// Names of the editor's application passwords.
    fn names(&self) -> Vec<String> {
        let told = self.php(&format!(
            "echo json_encode(array_column(WP_Application_Passwords::get_user_application_passwords({}), 'name'));",
            self.editor
        ));
        serde_json::from_str(&told).unwrap()
    }
}

/// A PHP string.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_an_application_password_of_its_own() {
    let mut wordpress = WordPress::start();
    let port = wordpress.site.port;
    let settings = |port| wordpress.settings(port, json!({"lease": "application_password"}));
    assert!(Settings::parse(&settings(port).to_string()).unwrap().needs_exclusive());
    let (plain, admin) = (connector_within(&settings(port), LONG), wordpress.application());
    assert!(plain.verify(&admin).await.unwrap());
    assert!(!plain.verify(&login(ADMIN.0, "wrong")).await.unwrap());
    assert!(!plain.verify(&login(ADMIN.0, ADMIN.1)).await.unwrap(), "the person's password is another thing");
    let error = plain.rotate(&admin, &secret("next")).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotSupported(why) if why.contains("application passwords")));

    let first = mint(&plain, &admin, 1, "unused").await.unwrap();
    assert_eq!(field(&first, FieldName::User), "redaction");
    assert_eq!(field(&first, FieldName::Url), format!("http://127.0.0.1:{port}"));
    let first = field(&first, FieldName::Password);
    let inside = wordpress.me("redaction", &first);
    assert_eq!(inside.status, 200, "{}", inside.body);
    assert!(inside.body.contains("redaction"));

    // Again: the password of the second call counts, and there is one.
    let second = field(&mint(&plain, &admin, 1, "unused").await.unwrap(), FieldName::Password);
    assert_eq!(wordpress.me("redaction", &first).status, 401);
    assert_eq!(wordpress.me("redaction", &second).status, 200);
    assert_eq!(wordpress.names(), ["seq-abababab-1"]);

    plain.revoke(&admin, &name(1)).await.unwrap();
    assert_eq!(wordpress.me("redaction", &second).status, 401);
    plain.revoke(&admin, &name(1)).await.unwrap();
    assert!(wordpress.names().is_empty());

    // Whoever has it has the account: they rename it, make another and set the account's password.
    let lent = field(&mint(&plain, &admin, 1, "unused").await.unwrap(), FieldName::Password);
    let (status, list) = wordpress.rest("GET", "/users/me/application-passwords", &lent, &[]);
    assert_eq!(status, 200, "{list}");
    let own = format!("/users/me/application-passwords/{}", list[0]["uuid"].as_str().unwrap());
    assert_eq!(wordpress.rest("PUT", &own, &lent, &[("name", "backup")]).0, 200);
    let (status, another) = wordpress.rest("POST", "/users/me/application-passwords", &lent, &[("name", "another")]);
    assert_eq!(status, 201, "{another}");
    let another = another["password"].as_str().unwrap();
    assert_eq!(wordpress.rest("POST", "/users/me", another, &[("password", "mine")]).0, 200);
    assert_eq!(wordpress.log_in("redaction", "mine").status, 302);
    plain.revoke(&admin, &name(1)).await.unwrap();
    assert!(wordpress.names().is_empty());
    assert_eq!((wordpress.me("redaction", &lent).status, wordpress.me("redaction", another).status), (401, 401));
    assert_eq!(wordpress.log_in("redaction", "mine").status, 200, "the form again");

    // Every request, lost on the way there and on the way back; then the call again.
    let proxy = Proxy::before(port);
    let through = connector_within(&settings(proxy.port), LONG);
    let route = |method: &str, rest: &str| format!("{method} /?rest_route=%2Fwp%2Fv2%2Fusers{rest}");
    let passwords = format!("%2F{}%2Fapplication-passwords", wordpress.editor);
    let requests = [
        // (call, a request of it, may have done something when it is lost)
        ("mint", "GET /?context=edit&rest_route", false),
        ("mint", "GET /?context=edit&exclude", false),
        ("mint", &route("POST", &format!("%2F{}", wordpress.editor)), true),
        ("mint", &route("GET", &passwords), true),
        ("mint", &route("POST", &passwords), true),
        ("mint", "POST /wp-login.php", true),
        ("revoke", "GET /?context=edit&rest_route", false),
        ("revoke", "GET /?context=edit&exclude", false),
        ("revoke", &route("POST", &format!("%2F{}", wordpress.editor)), true),
        ("revoke", &route("GET", &passwords), true),
        ("revoke", &route("DELETE", &passwords), true),
        ("revoke", "POST /wp-login.php", true),
    ];
    for (index, (call, request, changes)) in (10..).zip(requests) {
        // An end takes six seconds.
        let both = call == "mint" || request.starts_with("DELETE");
        for arrives in [false, true].into_iter().filter(|arrives| both || *arrives) {
            let case = format!("{call}, at {request}, arrives: {arrives}");
            let mut lent = String::new();
            if call == "revoke" {
                lent = field(&mint(&through, &admin, index, "unused").await.unwrap(), FieldName::Password);
            }
            proxy.arm(request.as_bytes(), if arrives { Fault::Answer } else { Fault::Request });
            let result = match call {
                "mint" => mint(&through, &admin, index, "unused").await.map(drop),
                _ => through.revoke(&admin, &name(index)).await,
            };
            let error = result.expect_err(&case);
            assert!(proxy.is_spent(), "{case}");
            assert_eq!(error.is_definite(), !changes, "{case}: {error}");
            let last = request == "POST /wp-login.php";
            let deleted = last || (request.starts_with("DELETE") && arrives);
            let created = last || (request.ends_with(&passwords) && request.starts_with("POST") && arrives);
            let made = if call == "mint" { created } else { !deleted };
            wait_for(&wordpress, usize::from(made), &case);
            if call == "revoke" {
                assert_eq!(wordpress.me("redaction", &lent).status, if made { 200 } else { 401 }, "{case}");
            }
            // Revoked without ever having been seen made, or minted again first.
            if call == "mint" && arrives {
                let again = field(&mint(&through, &admin, index, "unused").await.expect(&case), FieldName::Password);
                assert_eq!(wordpress.me("redaction", &again).status, 200, "{case}");
                assert_eq!(wordpress.names().len(), 1, "{case}");
            }
            if both && !arrives && !made {
                continue;
            }
            through.revoke(&admin, &name(index)).await.expect(&case);
            assert!(wordpress.names().is_empty(), "{case}");
        }
    }

    // A login that does not count, and down.
    let wrong = login(ADMIN.0, "wrong");
    for error in
        [mint(&plain, &wrong, 3, "unused").await.err().unwrap(), plain.revoke(&wrong, &name(3)).await.unwrap_err()]
    {
        assert!(matches!(error, ConnectError::Denied { .. }), "{error}");
    }
    mint(&plain, &admin, 3, "unused").await.unwrap();
    wordpress.site.stop();
    let calls: [Result<(), ConnectError>; 3] = [
        mint(&plain, &admin, 4, "unused").await.map(drop),
        plain.revoke(&admin, &name(3)).await,
        plain.verify(&admin).await.map(drop),
    ];
    for error in calls.map(Result::unwrap_err) {
        assert!(matches!(error, ConnectError::Unreachable { .. }) && error.is_definite(), "{error}");
    }
    wordpress.site.run();
    assert_eq!(wordpress.names(), ["seq-abababab-3"], "what ended while the site was down is still to be done");
    plain.revoke(&admin, &name(3)).await.unwrap();
    assert!(wordpress.names().is_empty());
}

/// What was under way when the lease ended is undone or seen; then the end is not told.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_takes_the_account_back_has_not_ended() {
    let wordpress = WordPress::start();
    let late = wordpress.root.path().join("late");
    let mail = || wordpress.php(&format!("echo get_userdata({})->user_email;", wordpress.editor));
    let owned = || wordpress.log_in("redaction", "mine for ever").status == 302 || mail() != "web@example.org";
    for (what, lease, ends) in [
        ("password", "application_password", true),
        ("address", "password", true),
        ("another", "application_password", false),
        ("password for ever", "password", false),
        ("address for ever", "application_password", false),
    ] {
        let admin = if lease == "password" { login(ADMIN.0, ADMIN.1) } else { wordpress.application() };
        let more = json!({"lease": lease, "admin": lease, "email": "web@example.org"});
        let connector = connector_within(&wordpress.settings(wordpress.site.port, more), LONG);
        mint(&connector, &admin, 1, "the first one").await.unwrap();
        wordpress.php(&format!(
            "WP_Application_Passwords::create_new_application_password({}, ['name' => 'mine']);",
            wordpress.editor
        ));
        fs::write(&late, what).unwrap();
        hand_over(&late);
        let ended = connector.revoke(&admin, &name(1)).await;
        assert_eq!(ended.is_ok(), ends, "{what}: {ended:?}");
        assert_eq!(owned() || wordpress.names() == ["again"], !ends, "{what}");
        fs::remove_file(&late).unwrap();
        connector.revoke(&admin, &name(1)).await.unwrap();
        assert!(!owned() && wordpress.names().is_empty(), "{what}");
    }

    // Nobody is lent an account of which nobody could see the end: here, where every login looks as if it were one.
    let settings = |more: Value| wordpress.settings(wordpress.site.port, more);
    let redirects = wordpress.root.path().join("plugins/redirects.php");
    fs::write(
        &redirects,
        "<?php add_action('wp_login_failed', fn () => wp_redirect('/') && exit);
         add_filter('authenticate', fn () => new WP_Error('no', 'no'), 99);",
    )
    .unwrap();
    hand_over(&redirects);
    assert_eq!(wordpress.log_in("redaction", "whatever").status, 302);
    let connector = connector_within(&settings(json!({"lease": "application_password"})), LONG);
    assert!(mint(&connector, &wordpress.application(), 1, "unused").await.is_err());
    assert!(connector.revoke(&wordpress.application(), &name(1)).await.is_err());
    fs::remove_file(&redirects).unwrap();
    connector.revoke(&wordpress.application(), &name(1)).await.unwrap();

    // The account whose secret is sealed would lose it.
    let mut own = settings(json!({"lease": "application_password"}));
    own["user"] = json!(ADMIN.0);
    let connector = connector_within(&own, LONG);
    let error = mint(&connector, &wordpress.application(), 1, "unused").await.err().unwrap();
    assert!(error.is_definite() && connector.verify(&wordpress.application()).await.unwrap(), "{error}");

    // Where no login shows whether the password holds, nobody looks; and the site's own word for it is not needed.
    let more = json!({"lease": "application_password", "second_factor": true});
    let connector = connector_within(&wordpress.settings(wordpress.site.port, more), LONG);
    let asks = wordpress.root.path().join("plugins/second.php");
    fs::write(&asks, "<?php add_filter('authenticate', fn () => new WP_Error('more', 'And the code?'), 99);")
        .unwrap();
    hand_over(&asks);
    mint(&connector, &wordpress.application(), 1, "unused").await.unwrap();
    connector.revoke(&wordpress.application(), &name(1)).await.unwrap();
    assert!(wordpress.names().is_empty());
}

/// A request whose answer was lost is still at work for a moment.
fn wait_for(wordpress: &WordPress, count: usize, case: &str) {
    let begin = std::time::Instant::now();
    while wordpress.names().len() != count {
        assert!(begin.elapsed() < Duration::from_secs(20), "{case}: {:?}", wordpress.names());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_a_password_that_is_scrambled_with_all_that_it_opened() {
    let wordpress = WordPress::start();
    let keep = wordpress.php(&format!(
        "[$p, $item] = WP_Application_Passwords::create_new_application_password({}, ['name' => 'newsletter']);
         echo json_encode([$item['uuid'], $p]);",
        wordpress.editor
    ));
    let keep: [String; 2] = serde_json::from_str(&keep).unwrap();
    let more = json!({"lease": "password", "admin": "password", "email": "web@example.org", "keep": [keep[0]]});
    let settings = wordpress.settings(wordpress.site.port, more.clone());
    assert!(Settings::parse(&settings.to_string()).unwrap().needs_exclusive());
    let (connector, admin) = (connector_within(&settings, LONG), login(ADMIN.0, ADMIN.1));
    assert!(connector.verify(&admin).await.unwrap());
    assert!(!connector.verify(&login(ADMIN.0, "wrong")).await.unwrap());

    let lent = "a {new} \"secret\" with & % + é";
    let minted = mint(&connector, &admin, 1, lent).await.unwrap();
    assert_eq!(field(&minted, FieldName::Password), lent);
    assert_eq!(wordpress.log_in("redaction", "something else").status, 200, "the form again");
    let page = wordpress.log_in("redaction", lent);
    assert_eq!(page.status, 302, "{}", page.body);
    let cookies = page.cookies();
    let inside =
        |cookies: &str| http(wordpress.site.port, "GET", "/wp-admin/profile.php", &[("Cookie", cookies)], "");
    assert_eq!(inside(&cookies).status, 200);
    // What a member could leave behind.
    let behind = wordpress.php(&format!(
        "wp_update_user(['ID' => {0}, 'user_email' => 'mine@example.net']);
         [$p] = WP_Application_Passwords::create_new_application_password({0}, ['name' => 'mine']); echo $p;",
        wordpress.editor
    ));
    assert_eq!(wordpress.me("redaction", &behind).status, 200);

    connector.revoke(&admin, &name(1)).await.unwrap();
    assert_eq!(wordpress.log_in("redaction", lent).status, 200, "the password has ended");
    assert_eq!(inside(&cookies).status, 302, "so has the session");
    assert_eq!(wordpress.me("redaction", &behind).status, 401, "and what was made in it");
    assert_eq!(wordpress.me("redaction", &keep[1]).status, 200, "what the settings keep goes on");
    let mail = wordpress.php(&format!("echo get_userdata({})->user_email;", wordpress.editor));
    assert_eq!(mail, "web@example.org");
    connector.revoke(&admin, &name(1)).await.unwrap();

    rotating(&wordpress, &connector, &more).await;
}

/// The administrator's own password, with lost requests and answers.
async fn rotating(wordpress: &WordPress, connector: &Connector, more: &Value) {
    let proxy = Proxy::before(wordpress.site.port);
    let through = connector_within(&wordpress.settings(proxy.port, more.clone()), LONG);
    let me = b"POST /?rest_route=%2Fwp%2Fv2%2Fusers%2Fme".as_slice();
    let mut holds = ADMIN.1.to_owned();
    for (number, request, arrives, sure) in [
        (1, b"POST /wp-login.php".as_slice(), false, true),
        (2, b"POST /wp-login.php", true, true),
        (3, b"GET /wp-admin/admin-ajax.php", true, true),
        (4, me, false, false),
        (5, me, true, false),
    ] {
        let case = format!("{}, arrives: {arrives}", String::from_utf8_lossy(request));
        proxy.arm(request, if arrives { Fault::Answer } else { Fault::Request });
        let next = format!("the {number}. \"next\" password");
        let error = through.rotate(&login(ADMIN.0, &holds), &secret(&next)).await.expect_err(&case);
        assert!(proxy.is_spent() && error.is_definite() == sure, "{case}: {error}");
        let changed = number == 5;
        let begin = std::time::Instant::now();
        while connector.verify(&login(ADMIN.0, &next)).await.unwrap() != changed {
            assert!(begin.elapsed() < Duration::from_secs(20), "{case}");
        }
        assert_eq!(connector.verify(&login(ADMIN.0, &holds)).await.unwrap(), !changed, "{case}");
        if changed {
            holds = next;
        }
    }
    connector.rotate(&login(ADMIN.0, &holds), &secret("last")).await.unwrap();
    assert!(!connector.verify(&login(ADMIN.0, &holds)).await.unwrap());
    assert!(connector.verify(&login(ADMIN.0, "last")).await.unwrap());
}
