//! Targets that check nothing, answer late, lend one account to several, or fetch what they need.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use sequestre::connect::LeaseName;
use sequestre::escrow::made::AtTarget;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::request::Stage;
use sequestre::escrow::text::Text;
use sequestre::escrow::time::Seconds;
use sequestre::proto::api::v1 as api;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::minted::{MintedContext, open_made};
use sequestre::seal::sharing::MasterKey;
use serde_json::json;

use crate::house::{Asked, House, asked, deposit, folder, give_back, until};
use crate::proxy::Fault;
use crate::town::{Kind, MAUD, NINA};

const DAY: Seconds = Seconds(8 * 3600);

/// Another account, at a target of this address; `more` stands in the configuration, too.
async fn account(
    house: &mut House,
    target: &str,
    more: &str,
    connector: &serde_json::Value,
    user: &str,
    secret: &str,
) {
    let path = house.town.data().join("sequestred.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("targets = [", &format!("{more}\ntargets = [\"{target}\", "));
    fs::write(&path, text).unwrap();
    house.town.restart().await;
    house.account = deposit(&house.town, "another account", Some(&connector.to_string()), user, secret).await;
}

/// Waits until the daemon says why something is not done.
async fn fails(house: &House, why: &str) {
    let found = async || house.work().await.iter().any(|work| work.failure == why).then_some(());
    until(why, found).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_not_over_where_any_secret_works() {
    let house = House::new(Kind::Here).await;
    house.opened(DAY).await;
    house.postgres.asks("trust").await;
    house.proxy.arm(b"ALTER ROLE", Fault::Request);
    house.rotate(1).await;
    fails(&house, "unchecked").await;
    let rotation = house.credential().await.rotation.unwrap();
    assert!(rotation.staged.is_some() && house.current().await.0 == 1, "neither done nor given up");
    house.postgres.asks("scram-sha-256").await;
    until("it is over", async || house.credential().await.rotation.is_none().then_some(())).await;
    assert_eq!((house.current().await.0, house.verifies().await), (2, Ok(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_for_several_is_lent_only_where_one_person_at_a_time_can_have_it() {
    let mut house = House::new(Kind::Here).await;
    let target = "127.0.0.1:1";
    let lease = json!({ "password_of": "uid=tresorerie,dc=example,dc=org" });
    let connector = json!({ "kind": "ldap", "target": target, "lease": lease });
    account(&mut house, target, "", &connector, "cn=admin,dc=example,dc=org", "secret").await;
    house.opened(DAY).await;
    let asked = house.granted(Seconds::HOUR).await;
    fails(&house, "needs-exclusive").await;
    assert!(house.request(asked.id).await.target.is_none(), "nothing was begun");
}

/// An API whose first change of the secret takes effect when it is told, without ever having been answered; further
/// ones are refused. What is to be made is never answered, what is to go always is.
#[derive(Default)]
struct Slow {
    secret: String,
    told: Vec<String>,
    deleted: usize,
}

impl Slow {
    fn start(secret: &str) -> (u16, Arc<Mutex<Self>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(Self { secret: secret.to_owned(), ..Self::default() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve(stream, &shared);
            }
        });
        (port, state)
    }
}

fn serve(stream: TcpStream, state: &Mutex<Slow>) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length, mut bearer) = (String::new(), 0, String::new());
    let _ = reader.read_line(&mut first);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.trim().split_once(": ").unwrap();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => bearer = value.strip_prefix("Bearer ").unwrap().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let mut state = state.lock().unwrap();
    let status = if bearer != state.secret {
        401
    } else if first.starts_with("PUT") {
        state.told.push(body.strip_prefix("new=").unwrap().to_owned());
        if state.told.len() == 1 {
            return;
        }
        409
    } else if first.starts_with("POST") {
        return;
    } else {
        state.deleted += usize::from(first.starts_with("DELETE"));
        200
    };
    let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
    let _ = reader.get_mut().write_all(answer.as_bytes());
}

/// An account at one.
async fn slow(house: &mut House) -> Arc<Mutex<Slow>> {
    let (port, slow) = Slow::start("thefirst");
    let connector = json!({
        "kind": "http",
        "base": format!("http://127.0.0.1:{port}"),
        "auth": { "bearer": "{secret}" },
        "verify": [{ "method": "GET", "path": "/me" }],
        "mint": [{ "method": "POST", "path": "/tokens", "json": { "name": "{lease}" }, "take": { "token": "/token" } }],
        "gives": { "token": "{token}" },
        "revoke": [{ "method": "DELETE", "path": "/tokens/{lease}" }],
        "rotate": [{ "method": "PUT", "path": "/secret", "form": { "new": "{new_secret}" } }],
    });
    account(house, &format!("127.0.0.1:{port}"), "", &connector, "chef", "thefirst").await;
    house.opened(DAY).await;
    slow
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_still_come_to_be_is_not_called_gone() {
    let mut house = House::new(Kind::Here).await;
    let slow = slow(&mut house).await;
    let asked = house.granted(Seconds::HOUR).await;
    fails(&house, "unknown").await;
    house.give_back(&asked).await;
    // It is not there now, and says so; but what was told first may arrive later.
    fails(&house, "may-be-late").await;
    assert!(slow.lock().unwrap().deleted > 0);
    assert!(matches!(house.request(asked.id).await.target, Some(AtTarget::RevocationDue { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_takes_effect_late_finds_its_secret_kept() {
    let mut house = House::new(Kind::Here).await;
    let slow = slow(&mut house).await;
    house.rotate(1).await;
    // The old secret works and the target says no: that alone does not end it, because the first call may be under way.
    until("it is told again", async || (slow.lock().unwrap().told.len() >= 3).then_some(())).await;
    let rotation = house.credential().await.rotation.unwrap();
    assert!(rotation.staged.is_some() && house.current().await.0 == 1);
    {
        let mut slow = slow.lock().unwrap();
        let first = slow.told[0].clone();
        assert!(slow.told.iter().all(|told| *told == first), "the same one each time");
        slow.secret = first;
    }
    until("it is over", async || house.credential().await.rotation.is_none().then_some(())).await;
    assert_eq!((house.current().await.0, house.verifies().await), (2, Ok(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_early_is_on_the_list_that_a_target_fetches() {
    let mut house = House::new(Kind::Here).await;
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for name in ["authority", "member"] {
        let made = Command::new("ssh-keygen").args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(path(name)).status();
        assert!(made.unwrap().success());
    }
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    let target = "shell.example:22";
    let connector = json!({ "kind": "ssh", "target": target, "user": "web", "authority": read("authority.pub") });
    let lists = path("lists");
    let more = format!("krl_folder = {:?}", lists.display().to_string());
    account(&mut house, target, &more, &connector, "web", &read("authority")).await;
    let window = house.opened(DAY).await;

    // Nina asks with her key.
    let mut session = house.town.session(NINA).await;
    let part = session.state().unwrap().current_part(&house.account, PartKind::Password).unwrap();
    let key = MasterKey::generate().unwrap();
    let (reason, blob) = session.text(&Text::parse("look after the site").unwrap()).unwrap();
    let (input, public) = session.text(&Text::parse_multiline(read("member.pub").trim()).unwrap()).unwrap();
    let request = v1::Request {
        parts: vec![asked(part, (*key.recipient()).into(), None)],
        purpose: v1::Purpose::Mint as i32,
        reason: reason.to_vec(),
        duration: 3600,
        expires: house.town.now().0 + 86_400,
        input: input.to_vec(),
        ..v1::Request::default()
    };
    let request_of_lines = request.clone();
    let id = session.submit(Act::Request(request), vec![blob, public]).await.unwrap();
    drop(session);
    house.sign(id).await;
    let lease = async || matches!(house.request(id).await.stage, Stage::Leased(_)).then_some(());
    until("the certificate is made", lease).await;
    let [list] =
        fs::read_dir(&lists).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>().try_into().unwrap();
    let request = api::CollectRequest { organisation: house.organisation(), request_index: id };
    let [blob] = house.client(NINA).await.collect(request).await.unwrap().into_inner().blobs.try_into().unwrap();
    let context = MintedContext { organisation: folder(&house.town, NINA).id, request: id };
    let made = open_made(key.age(), &context, &blob.content).unwrap();
    let (_, certificate) = made.fields.iter().find(|(name, _)| name == "certificate").unwrap();
    fs::write(path("cert.pub"), certificate.expose()).unwrap();
    let revoked = |list: &std::path::Path| {
        let told = Command::new("ssh-keygen").arg("-Qf").arg(list).arg(path("cert.pub")).output().unwrap();
        String::from_utf8(told.stdout).unwrap().contains("REVOKED")
    };
    assert!(!revoked(&list), "it runs");

    // What people were not shown before they agreed is told to no target.
    let mut session = house.town.session(NINA).await;
    let lines = format!("{}\nno-one-sees this", read("member.pub").trim());
    let (input, lines) = session.text(&Text::parse_multiline(&lines).unwrap()).unwrap();
    let (reason, blob) = session.text(&Text::parse("look after the site").unwrap()).unwrap();
    let request = v1::Request { input: input.to_vec(), reason: reason.to_vec(), ..request_of_lines };
    let unseen = session.submit(Act::Request(request), vec![blob, lines]).await.unwrap();
    drop(session);
    house.sign(unseen).await;
    fails(&house, "input").await;
    give_back(&house.town, NINA, unseen).await;

    // Nothing that is sealed is needed to revoke it, and nobody is asked to open anything.
    give_back(&house.town, NINA, window).await;
    // While the file cannot be written, the log does not say that it is gone.
    fs::rename(&list, path("kept")).unwrap();
    fs::write(&list, "of somebody else").unwrap();
    house.give_back(&Asked { id, key }).await;
    fails(&house, "krl-folder").await;
    assert!(matches!(house.request(id).await.target, Some(AtTarget::RevocationDue { .. })));
    fs::rename(path("kept"), &list).unwrap();
    let gone = async || matches!(house.request(id).await.target, Some(AtTarget::Revoked { .. })).then_some(());
    until("it is on the list", gone).await;
    assert!(revoked(&list));
    let session = house.town.session(NINA).await;
    assert!(session.state().unwrap().live_requests().all(|request| !request.by_daemon));
    drop(session);

    // A target has one list: one that is made by hand of another account with this authority has it, too.
    deposit(&house.town, "the same shell", Some(&connector.to_string()), "web", &read("authority")).await;
    let by_hand = path("by-hand");
    let arguments = ["ssh", "krl", "the same shell", "--output", by_hand.to_str().unwrap()];
    let (code, told, aside) = house.town.program(MAUD, &arguments);
    assert_eq!(code, 0, "{told}{aside}");
    assert!(revoked(&by_hand));

    // A daemon that starts without the file makes it anew from the log.
    fs::remove_file(&list).unwrap();
    house.town.restart().await;
    until("the list is there again", async || list.exists().then_some(())).await;
    assert!(revoked(&list));
    let serial = LeaseName::new(folder(&house.town, NINA).id, id).serial();
    let told = Command::new("ssh-keygen").arg("-Qlf").arg(&list).output().unwrap();
    assert!(String::from_utf8(told.stdout).unwrap().contains(&format!("serial: {serial}")));
}
