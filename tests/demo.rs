//! `sequestre demo` as people start it: the built program, loopback, a temporary folder.
#![cfg(all(feature = "client", feature = "daemon"))]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a person waits for at most, with this slow build.
const PATIENCE: Duration = Duration::from_secs(60);
const STEPS: usize = 17;

/// What the program gave: its exit code, what it printed, what it complained about.
struct Told {
    code: Option<i32>,
    printed: String,
    complaint: String,
}

/// Killed if the test gives up first.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the demonstration with a temporary folder of its own, in which it must leave nothing.
fn demo(arguments: &[&str]) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let [printed, complaint] = ["printed", "complaint"].map(|name| folder.path().join(name));
    let child = Command::new(env!("CARGO_BIN_EXE_sequestre"))
        .arg("demo")
        .args(arguments)
        .env_remove("LANG")
        .env_remove("LC_ALL")
        .env_remove("LC_MESSAGES")
        .env("SEQUESTRE_HOME", folder.path().join("home"))
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&printed).unwrap())
        .stderr(fs::File::create(&complaint).unwrap())
        .spawn()
        .unwrap();
    let (mut child, end) = (Process(child), Instant::now() + PATIENCE);
    let status = loop {
        if let Some(status) = child.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "not done after {PATIENCE:?}:\n{}", fs::read_to_string(&printed).unwrap());
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(names(&temporary), BTreeSet::new(), "something stays in the temporary folder");
    assert!(!folder.path().join("home").exists(), "the demonstration touched its user's own folder");
    let read = |path| fs::read_to_string(path).unwrap();
    Told { code: status.code(), printed: read(printed), complaint: read(complaint) }
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The keys of the translation files.
fn keys() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/client/locales/fr");
    let mut keys = BTreeSet::new();
    for file in names(&folder) {
        for line in fs::read_to_string(folder.join(file)).unwrap().lines() {
            let key = line.split_once(" =").map(|(key, _)| key);
            keys.extend(key.filter(|key| key.starts_with(|c: char| c.is_ascii_lowercase())).map(str::to_owned));
        }
    }
    keys
}

#[test]
fn programs_get_one_object_a_step_and_the_files_stay_where_they_were_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let keep = kept.to_str().unwrap();
    let told = demo(&["--json", "--keep", keep]);
    assert_eq!((told.code, told.complaint.as_str()), (Some(0), ""), "{}", told.printed);
    let steps: Vec<serde_json::Value> =
        told.printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut seen = BTreeSet::new();
    for (step, number) in steps.iter().zip(1..) {
        assert_eq!((&step["ok"], &step["number"]), (&true.into(), &serde_json::Value::from(number)), "{step}");
        assert!(step["text"].as_str().is_some_and(|text| text.contains(' ')), "{step}");
        assert!(seen.insert(step["step"].as_str().unwrap().to_owned()), "{step} comes twice");
    }
    assert_eq!(seen.len(), STEPS);

    assert!(names(&kept).is_superset(&["server", "people"].map(str::to_owned).into()), "{:?}", names(&kept));
    assert!(names(&kept.join("server")).contains("sequestre.db"));
    assert!(names(&kept.join("people")).contains("Awa"));
    // A folder with something in it is left alone.
    let before = (names(&kept), fs::read(kept.join("server/sequestre.db")).unwrap());
    let refused = demo(&["--json", "--keep", keep]);
    assert_eq!((refused.code, refused.printed.as_str()), (Some(2), ""));
    let error: serde_json::Value = serde_json::from_str(&refused.complaint).unwrap();
    assert_eq!(error["error"], "failed-not-empty");
    assert!(error["message"].as_str().unwrap().contains(keep));
    assert!((names(&kept), fs::read(kept.join("server/sequestre.db")).unwrap()) == before);
}

#[test]
fn it_is_told_in_french() {
    let told = demo(&["--lang", "fr"]);
    assert_eq!((told.code, told.complaint.as_str()), (Some(0), ""), "{}", told.printed);
    assert_eq!(told.printed.matches("\n    ✓ ").count(), STEPS, "{}", told.printed);
    for french in ["technicien", "gardien·ne", "mot de passe", "passé comme annoncé"] {
        assert!(told.printed.contains(french), "{french:?} is missing:\n{}", told.printed);
    }
    // A sentence that is missing shows as its key; one without a value keeps its braces.
    let keys = keys();
    assert!(keys.len() > 300);
    let words = told.printed.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let untranslated: Vec<&str> = words.filter(|word| word.contains('-') && keys.contains(*word)).collect();
    assert_eq!(untranslated, <[&str; 0]>::default(), "{}", told.printed);
    assert!(!told.printed.contains(['{', '}']), "{}", told.printed);
}
