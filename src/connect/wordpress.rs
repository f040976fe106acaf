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
//! | `site` | the site's address |
//! | `user` | login name of the account that is lent |
//! | `lease` | `application_password`: one named after the lease, for programs, deleted at its end; several may run at once. `password`: a random password for the account, for people, scrambled at the end; the account must be exclusive |
//! | `admin` | what the sealed credential is, an administrator's: `application_password` (left out, the same), or `password`, with which the connector logs in as a person does. Only `password` can be rotated: WordPress makes application passwords itself |
//! | `email` | with `password` leases: the account's address, set back at the start and the end, because whoever reads the mail there can reset the password |
//! | `keep` | with `password` leases: UUIDs of application passwords of the account that stay; all others are deleted at the end, because a member can make some |
//! | `tls`, `password` | as with other kinds |
//!
//! A new password ends every session of the account. Who is lent an administrator's account can make themselves
//! another: lend an editor's.
//!
//! Requests use `?rest_route=`, which works with every setting of permalinks.

use serde::Deserialize;
use serde_json::{Value, json};

use super::http;

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
        let Described { site, user, lease, admin, email, keep, tls, password } = described;
        let site = site.trim_end_matches('/');
        // What stands in settings is no placeholder.
        let literal = |text: &str| text.replace('{', "{{").replace('}', "}}");
        let user = literal(&user);
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
            with(step, "find", json!({"where": {"/username": user}, "take": {"id": "/id"}}))
        };
        let listed = |find: Value| {
            let gone = json!({"status": [200, 404]});
            let delete = request("DELETE", "/wp/v2/users/{id}/application-passwords/{uuid}");
            let mut find = find;
            find["take"] = json!({"uuid": "/uuid"});
            find["each"] = json!([with(delete, "success", gone)]);
            with(request("GET", "/wp/v2/users/{id}/application-passwords"), "find", find)
        };
        let mut account = json!({"password": "{new_secret}"});
        if let Some(email) = &email {
            account["email"] = json!(literal(email));
        }
        let change = || with(request("POST", "/wp/v2/users/{id}"), "json", account.clone());
        let (mint, revoke, gives) = match lease {
            Kind::ApplicationPassword => {
                let ours = || listed(json!({"where": {"/name": "{lease}"}}));
                let create = request("POST", "/wp/v2/users/{id}/application-passwords");
                let create = with(create, "json", json!({"name": "{lease}"}));
                let create = with(create, "take", json!({"made": "/password"}));
                let gives = json!({"url": literal(site), "user": user, "password": "{made}"});
                (vec![ours(), create], vec![ours()], gives)
            }
            Kind::Password => {
                let others = listed(json!({"where": {}, "except": {"/uuid": keep}}));
                let page = format!("{}/wp-login.php", literal(site));
                let gives = json!({"url": page, "user": user, "password": "{new_secret}"});
                (vec![change()], vec![change(), others], gives)
            }
        };
        let me = {
            let mut step = request("GET", "/wp/v2/users/me");
            step["query"]["context"] = json!("edit");
            step
        };
        let own = with(request("POST", "/wp/v2/users/me"), "json", json!({"password": "{new_secret}"}));
        let after = |steps: Vec<Value>| -> Vec<Value> { login.iter().cloned().chain(steps).collect() };
        let on_account = |steps: Vec<Value>| -> Vec<Value> {
            login.iter().cloned().chain([search.clone()]).chain(steps).collect()
        };
        let mut settings = json!({
            "base": site,
            "tls": tls,
            "password": password,
            "exclusive": lease == Kind::Password,
            "cookies": admin == Kind::Password,
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
