//! What the daemon's numbers say of its work at targets, and that alerts and dashboard name nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sequestre::escrow::time::Seconds;

use crate::house::{House, KEEPER, KEEPERS, until};
use crate::numbers::{Page, named, tell_at};
use crate::servers::free_port;
use crate::town::{CHLOE, Kind, PEOPLE};

/// Reads the page until it says so.
async fn says(port: u16, what: &str, so: impl Fn(&Page) -> bool) -> Page {
    let page = async || {
        let page = tokio::task::spawn_blocking(move || Page::read(port)).await.unwrap();
        so(&page).then_some(page)
    };
    until(what, page).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_and_what_cannot_be_done_is_told_until_it_is() {
    let mut house = House::new(Kind::Here).await;
    let port = free_port();
    tell_at(&house.town.data(), port);
    house.town.restart().await;
    let mut names = BTreeSet::new();
    let mut note = |page: Page| {
        names.extend(page.names());
        page
    };

    let page = note(says(port, "nothing is open", |_| true).await);
    for what in ["windows", "keys", "secrets", "codes"] {
        assert_eq!(page.get(&format!("open{{what=\"{what}\"}}")), Some(0.0));
    }
    let day = Seconds(8 * 3600);
    house.opened(day).await;
    let page = note(Page::read(port));
    assert_eq!(page.get("open{what=\"windows\"}"), Some(1.0));
    assert!(page.get("open{what=\"keys\"}").unwrap() >= 1.0);

    let asked = house.granted(Seconds::HOUR).await;
    let login = house.made(&asked).await;
    let page = note(says(port, "it is made", |page| page.one("work_pending", "kind=\"mint\"") == 0.0).await);
    assert_eq!((page.one("revocations_due", ""), page.one("work_pending", "kind=\"revoke\"")), (0.0, 0.0));

    // The target is gone, and with it every attempt.
    house.postgres.stop();
    let ended = house.town.now();
    house.give_back(&asked).await;
    let loud = |page: &Page| page.one("work_failing_loudly", "kind=\"revoke\"") == 1.0;
    let page = note(says(port, "the revocation fails loudly", loud).await);
    assert_eq!((page.one("revocations_due", ""), page.one("work_failing", "kind=\"revoke\"")), (1.0, 1.0));
    assert_eq!(page.one("revocations_due_since_timestamp_seconds", ""), ended.0 as f64);
    house.rotate(1).await;
    let waits = |page: &Page| page.one("rotations_pending", "") == 1.0;
    let page = note(says(port, "the rotation waits", waits).await);
    assert_eq!(page.one("rotations_pending_since_timestamp_seconds", ""), ended.0 as f64);
    assert_eq!(page.one("work_pending", "kind=\"rotate\""), 1.0);
    house.postgres.run();
    house.gone(asked.id, &login).await;
    let done = |page: &Page| page.one("revocations_due", "") == 0.0 && page.one("rotations_pending", "") == 0.0;
    let page = note(says(port, "both are done", done).await);
    assert_eq!(page.one("work_failing_loudly", "kind=\"revoke\""), 0.0);
    assert!(!page.names().contains("sequestre_revocations_due_since_timestamp_seconds"));

    // A trustee ends somebody's access to the secret itself: it is due at once.
    assert_eq!(page.one("passwords_due", "urgency=\"now\""), 0.0);
    let secret = house.lease_of_the_secret().await;
    house.agree(secret.id).await;
    let (user, password) = house.secret_of(&secret).await;
    sequestre::client::request::revoke(&house.town.env(CHLOE), secret.id, "sorrel-and-thyme").await.unwrap();
    let due = |page: &Page| page.one("passwords_due", "urgency=\"now\"") == 1.0;
    let page = note(says(port, "the password is due", due).await);
    assert!(page.one("passwords_due_since_timestamp_seconds", "urgency=\"now\"") >= ended.0 as f64);

    // Nothing of it is anybody's business who can only read numbers.
    let organisation = hex::encode(house.organisation());
    assert!(page.text.contains(&format!("organisation=\"{}\"", &organisation[..12])));
    let connector_port = house.proxy.port.to_string();
    let said = [
        "Amis",
        "members' database",
        KEEPER,
        KEEPERS,
        &user,
        &password,
        &login.user,
        &login.password,
        "look after",
        "sorrel-and-thyme",
        "127.0.0.1",
        "localhost",
        &organisation[..13],
        &connector_port,
    ];
    for said in said.into_iter().chain(PEOPLE) {
        assert!(!page.text.contains(said), "{said:?} is told:\n{}", page.text);
    }

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring");
    for file in ["alerts.yml", "alerts_test.yml", "dashboard.json"] {
        let wanted = named(&fs::read_to_string(folder.join(file)).unwrap());
        assert!(wanted.len() >= 10, "{file} names nothing");
        let unknown: Vec<_> = wanted.difference(&names).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}, which the daemon never told; it told {names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_allowed_and_forbidden_while_accounts_are_open() {
    let house = House::new(Kind::Here).await;
    let window = house.opened(Seconds(8 * 3600)).await;
    let path = house.town.data().join("sequestred.toml");
    let allowed = fs::read_to_string(&path).unwrap();
    let line = allowed.lines().find(|line| line.starts_with("targets = ")).unwrap();
    assert_eq!(house.verifies().await, Ok(true));

    fs::write(&path, allowed.replace(line, "targets = []")).unwrap();
    assert_eq!(house.town.reload().unwrap().taken, ["connect.targets"]);
    let refused = house.verifies().await.unwrap_err();
    assert_eq!(refused, "TARGET", "the account is open, and its target is called no more");
    let asked = house.granted(Seconds::HOUR).await;
    let waits = async || house.work().await.iter().any(|work| !work.failure.is_empty()).then_some(());
    until("the lease cannot be made", waits).await;
    assert_eq!(house.roles().await, 0);

    fs::write(&path, &allowed).unwrap();
    assert_eq!(house.town.reload().unwrap().taken, ["connect.targets"]);
    let login = house.made(&asked).await;
    assert!(house.logs_in(&login).await);
    assert!(house.request(window).await.collected, "nobody had to open it again");
    assert_eq!(house.town.reload().unwrap().taken, Vec::<String>::new());
}
