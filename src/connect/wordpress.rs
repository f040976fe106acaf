//! WordPress (5.6 or newer), over its own REST API: a ready-made description for the [`http`](super::http) connector.
//!
//! ```json
//! {
//!   "kind": "wordpress",
//!   "site": "https://www.example.org",
//!   "user": "redaction",
//!   "lease": "password",
//!   "admin": "password",
//!   "email": "web@example.org",
//!   "keep": []
//! }
//! ```
//!
//! | key | meaning |
//! |---|---|
//! | `site` | the site's address: where it differs, WordPress's own (*WordPress Address*), under which `wp-login.php` lies |
//! | `user` | login name of the account that is lent, as the site writes it; not the administrator's whose secret is sealed |
//! | `lease` | `application_password`: for programs. `password`: a random password for the account, for people. Either lends the whole account, which must be exclusive: with an application password, too, one can make others, rename them and set the account's password. Either begins with a new password for it, so that nobody else's counts any more |
//! | `admin` | what the sealed credential is, an administrator's: `application_password` (left out, the same), or `password`, with which the connector logs in as a person does. Only `password` can be rotated: WordPress makes application passwords itself |
//! | `email` | the account's address, set back at the beginning and at the end, because whoever reads the mail there can reset the password |
//! | `keep` | UUIDs of application passwords of the account that stay. All others are deleted at the end, because a member can make some, and before another `application_password` is made: name those that programs of yours use |
//! | `second_factor` | the account is asked for more than its password at `wp-login.php`, or that page is somewhere else (`false`): then nobody looks at the end whether the password stayed as it was set |
//! | `tls`, `password` | as with other kinds |
//!
//! At its end the account gets a password that nobody knows, which ends every session, and its application passwords are
//! deleted. Until then the member's requests can undo the first: it is done again three seconds later. Three more seconds
//! later the connector looks whether there are no application passwords, whether the address is the right one, and
//! whether that password logs in (at `wp-login.php`). If not, the lease is not ended, and the same is done again later.
//! That the connector can log in there, it tries before anything is lent. `time_limit_seconds` under `[connect]` must be
//! 15 at least. Who is lent an administrator's account can make themselves another: lend an editor's.
//!
//! Requests use `?rest_route=`, which works with every setting of permalinks.

use serde::Deserialize;
use serde_json::{Value, json};

use super::http;

/// How long requests that were let in may take, in seconds, before it is looked whether they undid the end.
const SETTLED_AFTER: u64 = 3;

/// Settings of a `wordpress` connector, as those of its HTTP requests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Described")]
pub struct Settings(pub http::Settings);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    site: String,
    user: String,
    lease: Kind,
    #[serde(default)]
    admin: Kind,
    email: Option<String>,
    #[serde(default)]
    keep: Vec<String>,
    #[serde(default)]
    second_factor: bool,
    #[serde(default)]
    tls: Value,
    #[serde(default = "nothing")]
    password: Value,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    ApplicationPassword,
    Password,
}

fn nothing() -> Value {
    json!({})
}

impl TryFrom<Described> for Settings {
    type Error = serde_json::Error;

    fn try_from(described: Described) -> Result<Self, serde_json::Error> {
        let Described { site, user, lease, admin, email, keep, second_factor, tls, password } = described;
        let site = site.trim_end_matches('/');
        // What stands in settings is no placeholder.
        let literal = |text: &str| text.replace('{', "{{").replace('}', "}}");
        let (named, user) = (user.clone(), literal(&user));
        let request = |method: &str, route: &str| {
            let mut step = json!({"method": method, "path": "/", "query": {"rest_route": route}});
            if admin == Kind::Password {
                step["headers"] = json!({"X-WP-Nonce": "{nonce}"});
            }
            step
        };
        let with = |mut step: Value, key: &str, value: Value| {
            step[key] = value;
            step
        };
        // A person's login, and the token that the REST API wants beside its cookie.
        let login = match admin {
            Kind::ApplicationPassword => Vec::new(),
            Kind::Password => vec![
                json!({"method": "POST", "path": "/wp-login.php", "form": {"log": "{user}", "pwd": "{secret}"},
                       "changes": false, "success": {"status": [302]}, "rejected": {"status": [200, 401, 403]}}),
                json!({"method": "GET", "path": "/wp-admin/admin-ajax.php", "query": {"action": "rest-nonce"},
                       "take": {"nonce": "text"}}),
            ],
        };
        let search = {
            let mut step = request("GET", "/wp/v2/users");
            step["query"]["context"] = json!("edit");
            step["query"]["search"] = json!(user);
            step["query"]["per_page"] = json!("100");
            // The administrator's own account would lose the secret that is sealed.
            step["query"]["exclude"] = json!("{own}");
            step
        };
        let found = with(search.clone(), "find", json!({"where": {"/username": user}, "take": {"id": "/id"}}));
        let me = {
            let mut step = request("GET", "/wp/v2/users/me");
            step["query"]["context"] = json!("edit");
            step
        };
        let passwords = || request("GET", "/wp/v2/users/{id}/application-passwords");
        let listed = |find: Value| {
            let gone = json!({"status": [200, 404]});
            let delete = request("DELETE", "/wp/v2/users/{id}/application-passwords/{uuid}");
            let mut find = find;
            find["take"] = json!({"uuid": "/uuid"});
            find["each"] = json!([with(delete, "success", gone)]);
            with(passwords(), "find", find)
        };
        let mut account = json!({"password": "{new_secret}"});
        if let Some(email) = &email {
            account["email"] = json!(literal(email));
        }
        let change = || with(request("POST", "/wp/v2/users/{id}"), "json", account.clone());
        let others = listed(json!({"where": {}, "except": {"/uuid": keep}}));
        let none = with(passwords(), "find", json!({"where": {}, "except": {"/uuid": keep}, "none": true}));
        // Whether the password logs in. Sites answer wrong ones with a redirection, too: who is in is asked then.
        let never = json!({"status": [599]});
        let looked = || match second_factor {
            true => Vec::new(),
            false => vec![
                json!({"method": "POST", "path": "/wp-login.php", "form": {"log": user, "pwd": "{new_secret}"},
                       "changes": false, "success": {"status": [302]}, "rejected": never}),
                json!({"method": "GET", "path": "/wp-admin/admin-ajax.php", "query": {"action": "rest-nonce"},
                       "take": {"own_nonce": "text"}, "rejected": never}),
                json!({"method": "GET", "path": "/", "headers": {"X-WP-Nonce": "{own_nonce}"},
                       "query": {"rest_route": "/wp/v2/users/me", "context": "edit"},
                       "success": {"equals": {"/username": named}}, "rejected": never}),
            ],
        };
        // Once nothing of the member's logs in, again: until then it could undo the first time.
        let wait = |step| with(step, "wait", json!(SETTLED_AFTER));
        let mut revoke = vec![change(), others.clone(), wait(change()), wait(none)];
        if let Some(email) = &email {
            let same = json!({"where": {"/username": user, "/email": literal(email)}});
            revoke.push(with(search, "find", same));
        }
        revoke.extend(looked());
        let (mint, gives) = match lease {
            Kind::ApplicationPassword => {
                let create = request("POST", "/wp/v2/users/{id}/application-passwords");
                let create = with(create, "json", json!({"name": "{lease}"}));
                let create = with(create, "take", json!({"made": "/password"}));
                let gives = json!({"url": literal(site), "user": user, "password": "{made}"});
                ([vec![change(), others, create], looked()].concat(), gives)
            }
            Kind::Password => {
                let page = format!("{}/wp-login.php", literal(site));
                let gives = json!({"url": page, "user": user, "password": "{new_secret}"});
                ([vec![change()], looked()].concat(), gives)
            }
        };
        let mine = with(me.clone(), "take", json!({"own": "/id"}));
        let own = with(request("POST", "/wp/v2/users/me"), "json", json!({"password": "{new_secret}"}));
        let after = |steps: Vec<Value>| -> Vec<Value> { login.iter().cloned().chain(steps).collect() };
        let on_account = |steps: Vec<Value>| -> Vec<Value> {
            login.iter().cloned().chain([mine.clone(), found.clone()]).chain(steps).collect()
        };
        let mut settings = json!({
            "base": site,
            "tls": tls,
            "password": password,
            "exclusive": true,
            "cookies": admin == Kind::Password || !second_factor,
            "verify": after(vec![me]),
            "mint": on_account(mint),
            "gives": gives,
            "revoke": on_account(revoke),
            "rotate": after(vec![own]),
        });
        if admin == Kind::ApplicationPassword {
            settings["auth"] = json!({"basic": {"user": "{user}", "password": "{secret}"}});
        }
        let settings: http::Settings = serde_json::from_value(settings)?;
        Ok(Self(match admin {
            Kind::Password => settings,
            Kind::ApplicationPassword => settings.without_rotation(
                "WordPress makes application passwords itself: make a new one on the administrator's profile page, \
                 deposit it, and delete the old one; or seal the administrator's password (\"admin\": \"password\")",
            ),
        }))
    }
}
