//! Renewal dates of account sheets: who is warned, from when on, and what is said of dates that nobody can read.

use sequestre::client::consent::waiting;
use sequestre::client::deposit::{self, AccountSheet, Deposit};
use sequestre::client::renewal;
use sequestre::client::session::Session;
use sequestre::escrow::time::Seconds;

use crate::town::*;

const DAY: u64 = 86_400;

/// The day so many days after the town's today, as people write it.
fn day(town: &Town, days: i64, form: &str) -> String {
    let now = jiff::Timestamp::from_second(i64::try_from(town.now().0).unwrap()).unwrap();
    let date = now.to_zoned(jiff::tz::TimeZone::system()).date() + jiff::Span::new().days(days);
    date.strftime(form).to_string()
}

fn with_date(label: &str, new_version: bool, date: &str) -> Deposit {
    let sheet = AccountSheet { renewal_date: date.to_owned(), paid_by: "treasurer".to_owned(), ..Default::default() };
    Deposit { sheet: Some(sheet), ..account(label, new_version, "x") }
}

/// The renewals in somebody's inbox: label, days, and the sentence.
fn warned(session: &Session) -> Vec<(String, i64, String)> {
    let items = waiting(session).unwrap().into_iter().filter(|item| item.json["kind"] == "renewal");
    let row = |item: sequestre::client::consent::Item| {
        (item.json["label"].as_str().unwrap().to_owned(), item.json["days"].as_i64().unwrap(), item.text)
    };
    items.map(row).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_warned_sixty_days_before_and_more_loudly_afterwards() {
    let town = Town::founded().await;
    let date = day(&town, 61, "%d/%m/%Y");
    deposit::deposit(&town.env(THEO), with_date("domain", false, &date)).await.unwrap();
    assert_eq!(warned(&town.session(AWA).await), []);
    town.pass(Seconds(DAY));
    for name in [AWA, THEO] {
        let found = warned(&town.session(name).await);
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!((found[0].0.as_str(), found[0].1), ("domain", 60));
        assert!(found[0].2.contains("60 days are left") && found[0].2.contains("treasurer"), "{}", found[0].2);
    }
    // Somebody who neither holds shares nor deposited it can do nothing about it.
    assert_eq!(warned(&town.session(NINA).await), []);
    town.pass(Seconds(60 * DAY));
    assert!(warned(&town.session(AWA).await)[0].2.contains("last day"));
    town.pass(Seconds(2 * DAY));
    let found = warned(&town.session(AWA).await);
    assert_eq!(found[0].1, -2);
    assert!(found[0].2.starts_with("OVERDUE") && found[0].2.contains("2 days AGO"), "{}", found[0].2);
    // With the next date in the sheet, nobody is warned any more.
    let next = day(&town, 365, "%Y-%m-%d");
    deposit::deposit(&town.env(THEO), with_date("domain", true, &next)).await.unwrap();
    assert_eq!(warned(&town.session(AWA).await), []);
    assert_eq!(renewal::renewals(&town.session(AWA).await).unwrap()[0].days, 365);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dates_are_stored_as_everybody_reads_them_and_unreadable_ones_are_said() {
    let town = Town::founded().await;
    let file = town.root.path().join("deposit.json");
    let deposit = |label: &str, date: &str| {
        let json = serde_json::json!({ "password": "x", "sheet": { "renewal_date": date } });
        std::fs::write(&file, json.to_string()).unwrap();
        let arguments = ["deposit", label, "--from", file.to_str().unwrap(), "--accept-unwitnessed"];
        let (exit, _, told) = town.program(THEO, &arguments);
        assert_eq!(exit, 0, "{told}");
        told
    };
    let told = deposit("domain", &day(&town, 30, "%-d.%-m.%Y"));
    let iso = day(&town, 30, "%Y-%m-%d");
    assert!(told.contains(&format!("understood as {iso}")), "{told}");
    let told = deposit("hosting", "every year in spring");
    assert!(told.contains("“every year in spring” is not a date"), "{told}");
    let told = deposit("statistics", &day(&town, -3, "%Y-%m-%d"));
    assert!(told.contains("WARNING") && told.contains("past"), "{told}");
    assert!(!deposit("mailing list", "").contains("date"));

    let session = town.session(AWA).await;
    let dates: Vec<String> = renewal::renewals(&session).unwrap().iter().map(|r| r.date.to_string()).collect();
    assert_eq!(dates, [day(&town, -3, "%Y-%m-%d"), iso.clone()]);
    let kept = deposit::current_sheet(&session, &session.find_credential("hosting").unwrap()).unwrap().unwrap();
    assert_eq!(kept.renewal_date, "every year in spring", "what people wrote is not lost");
    drop(session);

    // All three verbs say it, and to programs, too.
    for verb in ["status", "inbox", "credentials"] {
        let (exit, told, failed) = town.program(AWA, &[verb]);
        assert_eq!(exit, 0, "{failed}");
        assert!(
            told.contains("OVERDUE: “statistics”") && told.contains("“domain” must be renewed"),
            "{verb}: {told}"
        );
    }
    let (_, told, _) = town.program(AWA, &["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(told.trim()).unwrap();
    assert_eq!(status["renewals"][0]["days"], -3);
    let (_, told, _) = town.program(AWA, &["credentials", "--json"]);
    let row = told.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let row = row.into_iter().find(|row| row["label"] == "domain").unwrap();
    assert_eq!((row["renewal"].as_str(), row["renewal_days"].as_i64()), (Some(iso.as_str()), Some(30)));
}
