//! Commands that are run with a login made for them: what they get, how they reach the target, and when they are not run.

use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use sequestre::escrow::made::AtTarget;
use sequestre::escrow::request::{End, Request, Stage};
use sequestre::escrow::time::Seconds;
use sequestre::escrow::window::Purpose;

use crate::house::{ACCOUNT, House, until};
use crate::servers::{Certificates, Postgres};
use crate::town::{Kind, MAUD, NINA, Town};
use crate::verbs::{BOOKS, deposit, opened};

/// Nina asks for a login at an account, to run this command with it; gives also her request.
async fn asked_for(town: &Town, label: &str, command: &str) -> (Child, u64) {
    let env = town.env(NINA);
    let mut client = Command::new(env!("CARGO_BIN_EXE_sequestre"));
    client.args(["request", label, "--for", "1h", "--reason", "count the members", "--exec", command]);
    client.args(["--lang", "en", "--home"]).arg(env.home.path());
    client.arg("--passphrase-file").arg(env.unlock.passphrase_file.unwrap());
    for name in ["PGSSLMODE", "PGSSLROOTCERT", "PGCHANNELBINDING"] {
        client.env_remove(name);
    }
    let client = client.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = until("it is asked for", async || {
        let session = town.session(MAUD).await;
        let is = |request: &&Request| request.purpose == Purpose::Mint && matches!(request.stage, Stage::Waiting);
        session.state().unwrap().live_requests().find(is).map(|request| request.at.index)
    });
    (client, id.await)
}

/// Exit code, standard output, standard error.
fn ended(client: Child) -> (Option<i32>, String, String) {
    let output = tokio::task::block_in_place(|| client.wait_with_output().unwrap());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_the_database_runs_with_a_login_that_ends_with_it() {
    let house = House::new(Kind::Here).await;
    let town = &house.town;
    town.thaw();
    deposit(&house, &[]);
    opened(&house).await;
    let (client, id) = asked_for(town, BOOKS, "psql -X -A -t -c 'SELECT current_user'").await;
    house.agree(id).await;
    let (code, told, aside) = ended(client);
    assert!(code == Some(0) && told.starts_with("seq-") && told.lines().count() == 1, "{told}\n{aside}");
    assert!(matches!(house.request(id).await.stage, Stage::Ended { how: End::Returned, .. }));
    until("it is gone", async || (house.roles().await == 0).then_some(())).await;
}

/// What comes before the command begins stops it, also where everybody agreed and the target is slow.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_wait_for_the_target_runs_nothing() {
    let house = House::new(Kind::Here).await;
    let town = &house.town;
    town.thaw();
    house.opened(Seconds(8 * 3600)).await;
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let slow = house.postgres.superuser("members").await;
        slow.batch_execute("BEGIN; LOCK TABLE pg_authid IN EXCLUSIVE MODE").await.unwrap();
        let ran = town.root.path().join("ran");
        let (client, id) = asked_for(town, ACCOUNT, &format!("touch {}", ran.display())).await;
        house.sign(id).await;
        until("the server begins", async || house.request(id).await.target).await;
        kill_process(Pid::from_child(&client), signal).unwrap();
        let (code, told, aside) = ended(client);
        assert_eq!((code, told.as_str(), ran.exists()), (Some(6), "", false), "{signal:?}: {aside}");
        assert!(matches!(house.request(id).await.stage, Stage::Ended { how: End::Returned, .. }), "{aside}");
        // What the target was about to make does not stay.
        drop(slow);
        let over = async || matches!(house.request(id).await.target, Some(AtTarget::Revoked { .. })).then_some(());
        until("nothing is at the target", over).await;
        assert_eq!(house.roles().await, 0);
    }
}

/// Of the session that asks: whether it is encrypted.
const ENCRYPTED: &str = "psql -X -A -t -c 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'";

/// The programs of the database go the way that the connector's settings say, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_certificates_is_not_spoken_to_without() {
    let certificates = Certificates::new();
    let authority = serde_json::json!({ "authority": certificates.authority });
    let fingerprint = serde_json::json!({ "certificate": certificates.digest });
    for (tls, settings) in [(authority, "verify-full  "), (fingerprint, "require  require")] {
        let house = House::encrypted(&certificates, &format!(r#", "tls": {tls}"#)).await;
        let town = &house.town;
        town.thaw();
        house.opened(Seconds(8 * 3600)).await;
        let [begun, go] = ["begun", "go"].map(|name| town.root.path().join(name));
        let command = format!(
            "echo \"$PGSSLMODE  $PGCHANNELBINDING\"; {ENCRYPTED}; touch {}; while ! [ -e {} ]; do sleep 0.05; done; \
             {ENCRYPTED}; echo $?; PGSSLMODE=disable PGCHANNELBINDING=prefer {ENCRYPTED}",
            begun.display(),
            go.display()
        );
        let (client, id) = asked_for(town, ACCOUNT, &command).await;
        house.sign(id).await;
        until("it has asked", async || begun.exists().then_some(())).await;
        lets_in(&house.postgres, "hostnossl", false).await;
        std::fs::write(&go, "").unwrap();
        let (code, told, aside) = ended(client);
        // Where the server wants no encryption any more, nothing is said to it, unless the person says so.
        assert_eq!((code, told), (Some(0), format!("{settings}\nt\n2\nf\n")), "{aside}");
        assert!(aside.contains("SSL"), "{aside}");
        lets_in(&house.postgres, "host", true).await;
        until("it is gone", async || (house.roles().await == 0).then_some(())).await;
    }
}

/// From now on the server lets in on links of this kind only, as `pg_hba.conf` calls them.
async fn lets_in(server: &Postgres, kind: &str, encrypted: bool) {
    let superuser = server.superuser("members").await;
    let file: String = superuser.query_one("SHOW hba_file", &[]).await.unwrap().get(0);
    let rule = format!("{kind} all all 127.0.0.1/32 scram-sha-256");
    let sql = format!("COPY (SELECT '{rule}') TO '{file}'; SELECT pg_reload_conf()");
    superuser.batch_execute(&sql).await.unwrap();
    until("the server has read it", async || {
        let mut asking = Command::new("psql");
        asking.args(["-X", "-c", "SELECT 1", "-h", "127.0.0.1", "-U", "postgres", "-p", &server.port.to_string()]);
        asking.env("PGSSLMODE", "require").env("PGPASSWORD", Postgres::PASSWORD).env("PGDATABASE", "members");
        (asking.output().unwrap().status.success() == encrypted).then_some(())
    })
    .await;
}
