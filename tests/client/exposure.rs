//! Who knows what, and what is to be done when somebody goes.

use sequestre::client::deposit::{self, AccountSheet, Deposit};
use sequestre::client::request;
use sequestre::escrow::time::Seconds;

use crate::town::*;

fn rows(printed: &str) -> Vec<serde_json::Value> {
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_names_everybody_who_knows_and_the_departure_list_what_to_do() {
    let town = Town::founded().await;
    town.thaw();
    let (code, told, _) = town.program(AWA, &["exposure", "--json"]);
    let [sealed] = rows(&told).try_into().unwrap();
    assert_eq!((code, &sealed["name"], &sealed["how"]), (0, &THEO.into(), &"sealed".into()));
    let id = town.granted(NINA, Seconds::HOUR).await;
    let (_, told, _) = town.program(AWA, &["exposure", LABEL, "--json"]);
    let [_, opened] = rows(&told).try_into().unwrap();
    assert_eq!((&opened["name"], &opened["how"], &opened["entry"]), (&NINA.into(), &"opened".into(), &id.into()));
    // Agreement is enough, whether it was fetched or not; and what was seen stays known.
    request::give_back(&town.env(NINA), id).await.unwrap();
    let (_, told, _) = town.program(AWA, &["exposure", "--person", NINA]);
    for text in [
        "What Nina knows or could know",
        "password: opened it",
        "To be done by: Théo",
        "[ ] Change the password",
        "[ ] End all sessions",
        "Mailbox for “forgot my password”: is it one that stays",
        "Telephone for codes: is there one",
        "Other administrators: are there any?",
        "API keys",
    ] {
        assert!(told.contains(text), "{text:?} is not in\n{told}");
    }
    // Whoever goes is not asked to do it.
    let (_, told, _) = town.program(AWA, &["exposure", "--person", THEO, "--json"]);
    let [row] = rows(&told).try_into().unwrap();
    let assigned = row["assigned"].as_array().unwrap();
    assert!(!assigned.is_empty() && !assigned.contains(&THEO.into()), "{row}");
    let (code, told, _) = town.program(AWA, &["exposure", "--person", MAUD]);
    assert_eq!((code, told.contains("knows anything")), (0, true), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sheet_says_where_and_whom() {
    let town = Town::founded().await;
    town.thaw();
    let sheet = AccountSheet {
        change_password_page: "https://registrar.example/password".to_owned(),
        recovery_mailbox: "lake@old.example".to_owned(),
        recovery_mailbox_controlled_by: "the former treasurer".to_owned(),
        ..AccountSheet::default()
    };
    let changed = Deposit { sheet: Some(sheet), ..account(LABEL, true, "second") };
    deposit::deposit(&town.env(THEO), changed).await.unwrap();
    let id = town.granted(NINA, Seconds::HOUR).await;
    request::give_back(&town.env(NINA), id).await.unwrap();
    let (_, told, _) = town.program(AWA, &["exposure", "--person", NINA]);
    assert!(told.contains("Page: https://registrar.example/password"), "{told}");
    assert!(told.contains("lake@old.example, read by the former treasurer"), "{told}");
    // Whoever is to change it is told so, and where.
    let (_, told, _) = town.program(THEO, &["inbox"]);
    assert!(told.contains("Page to change it: https://registrar.example/password"), "{told}");
    let (_, told, _) = town.program(BRUNO, &["inbox"]);
    assert!(!told.contains("should be changed"), "{told}");
}
