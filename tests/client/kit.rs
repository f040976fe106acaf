//! The paper kit: what is on the page and what is not, and the way back from paper alone.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sequestre::client::failure::Exit;
use sequestre::client::join;
use sequestre::client::kit::page::{Other, Page, WordsOnPage, qr_path, qr_text};
use sequestre::client::kit::{self, Words};
use sequestre::client::out::Out;
use sequestre::client::say::Say;
use sequestre::client::session::Env;
use sequestre::seal::code::{self, CodeKind};
use sequestre::seal::invitation::ContactCard;
use sequestre::seal::secret::Secret;

use crate::town::*;

/// One piece of a page: the names of the elements around it, innermost last, each with its class; and the text.
type Piece = (Vec<(String, String)>, String);

/// Reads a page as strictly as XML: every element closed in its turn, every attribute quoted, every `&` an entity.
fn pieces(page: &str) -> Vec<Piece> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").expect("a document type first");
    let (mut open, mut found): (Vec<(String, String)>, Vec<Piece>) = (Vec::new(), Vec::new());
    while !rest.trim().is_empty() {
        let (text, tail) = rest.split_at(rest.find('<').expect("nothing after the last element"));
        assert!(!text.contains('>') || open.last().is_some_and(|(tag, _)| tag == "style"), "{text}");
        if !text.trim().is_empty() {
            found.push((open.clone(), unescaped(text)));
        }
        let (tag, tail) = tail[1..].split_once('>').expect("a tag ends");
        rest = tail;
        if let Some(name) = tag.strip_prefix('/') {
            let (opened, _) = open.pop().unwrap_or_else(|| panic!("{name} was not open"));
            assert_eq!(opened, name);
            continue;
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(!name.is_empty(), "{tag}");
        let (mut class, mut attributes) = (String::new(), tag[name.len()..].trim());
        while !attributes.is_empty() {
            let (attribute, value) = attributes.split_once("=\"").expect("attributes are quoted");
            let (value, tail) = value.split_once('"').expect("and closed");
            assert!(!attribute.starts_with("on") && !["src", "href", "style"].contains(&attribute), "{attribute}");
            if attribute == "class" {
                class = value.to_owned();
            }
            attributes = tail.trim();
        }
        assert!(!["script", "link", "img", "iframe", "object", "a", "form"].contains(&name.as_str()), "{name}");
        if !empty {
            open.push((name, class));
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    found
}

fn unescaped(text: &str) -> String {
    let known = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'")];
    let bare = known.iter().fold(text.replace("&amp;", ""), |text, (entity, _)| text.replace(entity, ""));
    assert!(!bare.contains('&'), "{text}");
    known.iter().fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c)).replace("&amp;", "&")
}

/// The texts of elements of this name within one of this class.
fn texts(page: &str, tag: &str, class: &str) -> Vec<String> {
    let within = |piece: &Piece| {
        piece.0.iter().any(|(_, c)| c == class) && piece.0.last().is_some_and(|(name, _)| name == tag)
    };
    pieces(page).into_iter().filter(within).map(|(_, text)| text.trim().to_owned()).collect()
}

async fn page_of(env: &Env, words: &Words, contacts: Option<&Path>) -> String {
    let path = env.home.path().join(format!("page-{}.html", env.now().0));
    let _ = std::fs::remove_file(&path);
    kit::kit(env, words, contacts, &path).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::read_to_string(&path).unwrap()
}

fn french(env: Env) -> Env {
    Env { out: Out::new(Say::french(), false).silenced(), ..env }
}

fn words_of(env: &Env) -> String {
    let words = env.unlock.identity(&env.home, &env.out).unwrap().to_words(env.out.language().words());
    words.expose_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_says_who_and_how_and_no_words_unless_asked() {
    let town = Town::founded().await;
    let notes = town.root.path().join("telephones.txt");
    std::fs::write(&notes, "Bruno 02 98 00 00 01 <home>\r\nChloé 02 98 00 00 02\r\n").unwrap();
    for (env, title, telephone) in [
        (town.env(AWA), "Emergency page of Awa", "Telephone"),
        (french(town.env(AWA)), "Feuille de secours de Awa", "Téléphone"),
    ] {
        let page = page_of(&env, &Words::Blank, Some(&notes)).await;
        let all: Vec<String> = pieces(&page).into_iter().map(|(_, text)| text).collect();
        let says = |text: &str| all.iter().any(|piece| piece.contains(text));
        let session = env.session().unwrap();
        let state = session.state().unwrap();
        let print = |name: &str| {
            let id = session.find_person(name).unwrap();
            state.person(&id).unwrap().keys.fingerprint().to_string()
        };
        for told in [title, telephone, "Les Amis du Lac", BRUNO, CHLOE, MAUD, THEO, &town.address(), "everyday"] {
            assert!(says(told), "{told} is not on the page");
        }
        assert!(says(&state.charter().unwrap().code().to_string()) && says(&print(AWA)));
        assert!(!says(&print(BRUNO)[..11]), "whoever finds the page cannot be Bruno by what it says");
        assert!(says("Bruno 02 98 00 00 01 <home>\nChloé 02 98 00 00 02"));
        assert!(!says(NINA), "members are not called in an emergency");
        for step in ["recover start", "recover answer", "recover finish", "restore-identity", "device revoke"] {
            assert!(says(step), "{step}");
        }
        drop(session);
        // Nothing but the picture's name space looks like an address of the web.
        assert_eq!(page.matches("://").count(), 1);
        // Not even a few of the words in a row.
        let words = words_of(&env);
        assert!(texts(&page, "span", "words").is_empty() && !page.contains(&words));
        let running = all.join(" ");
        assert!(!words.split(' ').collect::<Vec<_>>().windows(3).any(|three| running.contains(&three.join(" "))));
        let kept = page_of(&env, &Words::Kept("in the <safe> of the bank".to_owned()), None).await;
        assert_eq!(texts(&kept, "div", "place"), ["in the <safe> of the bank"]);
        assert!(texts(&kept, "span", "words").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_paper_alone_an_identity_comes_back() {
    let town = Town::founded().await;
    for (env, computer) in [(town.env(BRUNO), "one"), (french(town.env(BRUNO)), "two")] {
        let page = page_of(&env, &Words::Shown, None).await;
        let words = texts(&page, "span", "words");
        assert_eq!(words.len(), 24);
        assert_eq!(words.join(" "), words_of(&env));
        let card = texts(&page, "li", "card");
        let typed = |lines: &[String]| Secret::from_string(lines.join("\n"));
        let new = town.env(computer);

        // A mistake is shown with its place, and leaves nothing behind.
        let mut wrong = card.clone();
        let mistyped = if &wrong[1][20..21] == "q" { "p" } else { "q" };
        wrong[1].replace_range(20..21, mistyped);
        let told = join::restore_identity(&new, &typed(&words), &typed(&wrong)).await;
        let told = failure(told, Exit::Usage, "code-typo-at");
        assert!(told.to_string().contains("Line 2") && told.to_string().contains("character 21"), "{told}");
        let told = join::restore_identity(&new, &typed(&words), &typed(&card[1..])).await;
        assert!(failure(told, Exit::Usage, "code-missing").to_string().contains("Line 1 of"));
        let mut wrong = words.clone();
        wrong[16] = "xylophonne".to_owned();
        let told = join::restore_identity(&new, &typed(&wrong), &typed(&card)).await;
        assert!(failure(told, Exit::Usage, "words-unknown").to_string().contains("17"));
        wrong[16] = words[15].clone();
        let told = join::restore_identity(&new, &typed(&wrong), &typed(&card)).await;
        failure(told, Exit::Usage, "words-checksum");
        assert!(!new.home.has_identity() && new.home.organisations().unwrap().is_empty());

        join::restore_identity(&new, &typed(&words), &typed(&card)).await.unwrap();
        assert_eq!(town.session(computer).await.me(), town.session(BRUNO).await.me());
    }
}

/// The picture is that of the card: scanned, it reads as the lines that are printed beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_picture_holds_the_card_in_upper_case() {
    let town = Town::founded().await;
    let page = page_of(&town.env(CHLOE), &Words::Blank, None).await;
    let card = texts(&page, "li", "card").join("\n");
    let scanned = qr_text(&card);
    let alphabet = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ';
    assert!(scanned.chars().all(alphabet), "only what a QR code stores in 5.5 bits a character: {scanned}");
    assert_eq!(ContactCard::from_code(&scanned).unwrap(), ContactCard::from_code(&card).unwrap());
    let (width, path) = qr_path(&scanned).unwrap();
    assert!(page.contains(&format!("viewBox=\"0 0 {width} {width}\"")) && page.contains(&format!("d=\"{path}\"")));
    let (_, other) = qr_path(&scanned.to_lowercase()).unwrap();
    assert_ne!(path, other);
    // The longest card fits, too.
    let longest = code::encode(CodeKind::Card, &[0xa5; 139 + 1 + 255]).unwrap();
    qr_path(&qr_text(longest.expose_str().unwrap())).unwrap();
}

#[test]
fn what_people_are_called_stays_text() {
    let sly = "</td><script>alert(\"1\")</script> & 'co' <b>";
    let page = Page {
        name: sly.to_owned(),
        roles: sly.to_owned(),
        trustee: false,
        fingerprint: sly.to_owned(),
        organisation: sly.to_owned(),
        address: sly.to_owned(),
        date: sly.to_owned(),
        entries: 1,
        charter: 1,
        code: sly.to_owned(),
        vaults: vec![(sly.to_owned(), sly.to_owned())],
        others: vec![Other { name: sly.to_owned(), roles: sly.to_owned() }],
        contacts: Some(sly.to_owned()),
        words: WordsOnPage::Kept(sly.to_owned()),
        card: Secret::from_string("sqc1qqqq\nsqc1pppp".to_owned()),
    };
    for say in [Say::english(), Say::french()] {
        let html = page.to_html(&say).unwrap();
        let html = html.expose_str().unwrap();
        let shown = pieces(html).into_iter().filter(|(_, text)| text.contains(sly)).count();
        // Title, heading, date, sentence, three numbers, the vaults, another person twice, notes, place.
        assert_eq!(shown, 12, "{html}");
        assert!(!html.contains("<script") && !html.contains("<b>alert"));
        assert!(!html.contains("kit-"), "no sentence is missing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_is_said_before_anything_is() {
    let town = Town::founded().await;
    let folder = town.root.path().to_owned();
    let notes = |text: &str| -> PathBuf {
        std::fs::write(folder.join("notes"), text).unwrap();
        folder.join("notes")
    };
    let kit_fails = async |contacts: Option<PathBuf>, words: Words, exit, key: &str| {
        let page = folder.join("never.html");
        let verb = async |env: &_| kit::kit(env, &words, contacts.as_deref(), &page).await;
        town.fails(AWA, verb, exit, key).await;
        assert!(!page.exists());
    };
    kit_fails(Some(notes(&"a line\n".repeat(11))), Words::Blank, Exit::Usage, "kit-contacts-long").await;
    kit_fails(Some(notes(&"x".repeat(55))), Words::Blank, Exit::Usage, "kit-contacts-long").await;
    kit_fails(Some(notes("Bruno \u{202e}10")), Words::Blank, Exit::Usage, "text-invisible").await;
    kit_fails(Some(folder.join("missing")), Words::Blank, Exit::Failed, "failed-file").await;
    kit_fails(None, Words::Kept("safe\u{200b}".to_owned()), Exit::Usage, "text-invisible").await;
    // An existing file may be one that others can read; nothing is written over it.
    let there = folder.join("there.html");
    std::fs::write(&there, "mine").unwrap();
    let verb = async |env: &_| kit::kit(env, &Words::Shown, None, &there).await;
    town.fails(AWA, verb, Exit::Usage, "kit-exists").await;
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "mine");

    let (exit, _, told) = town.program(AWA, &["kit"]);
    assert!(exit == Exit::Usage as i32 && told.contains("--output"), "{told}");
    let both = ["kit", "--words", "--words-kept", "here", "-o", "x.html"];
    assert_eq!(town.program(AWA, &both).0, Exit::Usage as i32);

    // Before there is a charter, there is no code to print.
    let young = Town::another().await;
    let verb = async |env: &_| kit::kit(env, &Words::Blank, None, &folder.join("never.html")).await;
    young.fails(AWA, verb, Exit::Refused, "kit-no-charter").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_server_the_page_is_made_from_what_is_known() {
    let town = Town::founded().await;
    town.stop().await;
    let page = town.root.path().join("page.html");
    let (exit, told, failed) = town.program(AWA, &["kit", "--words", "-o", page.to_str().unwrap()]);
    assert_eq!(exit, 0, "{failed}");
    assert!(told.contains("page.html") && failed.contains("shared and network printers"), "{told}{failed}");
    let html = std::fs::read_to_string(&page).unwrap();
    let words = texts(&html, "span", "words");
    assert_eq!(words.len(), 24);
    // One of them alone can be a word of any sentence.
    for pair in words.windows(2) {
        assert!(!told.contains(&pair.join(" ")), "the words stand on the page only");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_on_paper_are_compared_and_never_corrected() {
    let town = Town::founded().await;
    let env = town.env(CHLOE);
    let own = words_of(&env);
    let words: Vec<&str> = own.split(' ').collect();
    let file = town.root.path().join("typed");
    let check = |typed: &str| {
        std::fs::write(&file, typed).unwrap();
        town.program(CHLOE, &["kit", "check", "--words-file", file.to_str().unwrap()])
    };
    assert_eq!(check(&own).0, 0);
    assert_eq!(check(&words_of(&french(town.env(CHLOE))).to_uppercase()).0, 0, "either list is on the paper");
    let mut swapped = words.clone();
    swapped.swap(4, 9);
    let (exit, told, failed) = check(&swapped.join(" "));
    assert_eq!((exit, told.as_str()), (Exit::Usage as i32, ""));
    assert!(failed.contains("5, 10"), "{failed}");
    for word in &words {
        assert!(!failed.split_whitespace().any(|w| w.trim_matches(['“', '”', '.', ',']) == *word && w.len() > 5));
    }
    let mut missing = words.clone();
    missing.remove(11);
    let (_, _, failed) = check(&missing.join("\n"));
    assert!(failed.contains("23 words") && failed.contains("word 12"), "{failed}");
    let other = words_of(&town.env(BRUNO));
    let (exit, _, failed) = check(&other);
    let bruno = town.env(BRUNO);
    let code = bruno.unlock.identity(&bruno.home, &bruno.out).unwrap().keys().fingerprint().to_string();
    assert!(exit == Exit::Usage as i32 && failed.contains(&code), "{failed}");
}
