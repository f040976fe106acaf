//! `sequestred backup` as a technician uses it, and what people see when a backup is put back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use sequestre::client::failure::Exit;
use sequestre::store::DATABASE;

use crate::town::{AWA, BRUNO, Kind, LABEL, NINA, PASSWORD, Town};

fn backup(data: &Path, to: &Path) -> (Option<i32>, String, String) {
    let output = tokio::task::block_in_place(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sequestred"));
        command.arg("backup").arg("--data").arg(data).arg(to).output().unwrap()
    });
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// As the documentation says: a new folder with the copy, the server's key and the configuration.
async fn put_back(town: &Town, copy: &Path) {
    town.stop().await;
    let (data, aside) = (town.data(), town.root.path().join("aside"));
    fs::rename(&data, &aside).unwrap();
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    fs::copy(copy, data.join(DATABASE)).unwrap();
    for file in ["server.key", "sequestred.toml"] {
        fs::copy(aside.join(file), data.join(file)).unwrap();
    }
    let check = Command::new(env!("CARGO_BIN_EXE_sequestred")).arg("fsck").arg("--data").arg(&data).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    town.start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemons_database_is_copied_and_put_back_as_it_was() {
    let town = Town::founded_at(Kind::Program).await;
    let request = town.ask(NINA).await;
    let to = town.root.path().join("copy.db");
    let (code, printed, said) = backup(&town.data(), &to);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let id = town.env(AWA).home.choose(None).unwrap().id;
    assert_eq!(printed, format!("{id}: {} entries\n", town.entries()));
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&to).unwrap();
    let (code, _, said) = backup(&town.data(), &to);
    assert!(code == Some(1) && said.contains("never overwritten"), "{said}");
    assert_eq!(fs::read(&to).unwrap(), before);

    // Nothing happened since: everybody goes on.
    put_back(&town, &to).await;
    town.approve(BRUNO, request).await.unwrap();
    town.approve(crate::town::CHLOE, request).await.unwrap();
    assert_eq!(town.open(NINA, request).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_after_the_backup_is_missed_by_whoever_saw_it() {
    let town = Town::founded_at(Kind::Program).await;
    let to = town.root.path().join("copy.db");
    assert_eq!(backup(&town.data(), &to).0, Some(0));
    let request = town.ask(NINA).await;
    town.session(AWA).await;
    put_back(&town, &to).await;
    for name in [AWA, NINA] {
        let Err(failure) = town.env(name).session().unwrap().sync().await else { panic!("{name} notices nothing") };
        assert_eq!(failure.exit(), Exit::Distrust, "{failure}");
    }
    // Who did not see it cannot know, and is why the others must say so.
    assert!(town.session(BRUNO).await.state().unwrap().request(request).is_none());
    assert!(town.session(BRUNO).await.find_credential(LABEL).is_ok());
}
