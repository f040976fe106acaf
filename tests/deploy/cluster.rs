//! The container file and the manifests, read: no engine and no cluster runs them here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize as _;
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(root().join("deploy/kubernetes").join(file)).unwrap();
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    documents.map(|document| Value::deserialize(document).unwrap()).collect()
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    let mut found = documents.iter().filter(|document| document["kind"] == kind);
    let only = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "two of {kind}");
    only
}

/// What a pod may do: nothing that it does not need.
fn check_pod(pod: &Value) {
    let all = &pod["securityContext"];
    assert_eq!(all["runAsNonRoot"], true);
    assert_eq!(
        (&all["runAsUser"], &all["fsGroup"]),
        (&json!(10001), &json!(10001)),
        "the user of the container file"
    );
    assert_eq!(all["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(pod["automountServiceAccountToken"], false);
    let [container] = pod["containers"].as_array().unwrap().as_slice() else { panic!("one container") };
    let its = &container["securityContext"];
    assert_eq!((&its["allowPrivilegeEscalation"], &its["readOnlyRootFilesystem"]), (&json!(false), &json!(true)));
    assert_eq!(its["capabilities"], json!({ "drop": ["ALL"] }));
    assert!(container["resources"]["limits"]["memory"].is_string());
    assert!(!container["image"].as_str().unwrap().ends_with(":latest"));
    let mounts = container["volumeMounts"].as_array().unwrap();
    assert_eq!((mounts.len(), &mounts[0]["mountPath"]), (1, &json!("/data")));
    assert_eq!(pod["volumes"][0]["persistentVolumeClaim"]["claimName"], "sequestre");
    assert!(
        container["env"].as_array().unwrap().contains(&json!({ "name": "SEQUESTRED_DATA", "value": "/data/folder" }))
    );
}

#[test]
fn the_manifests_run_one_daemon_with_its_volume() {
    let documents = documents("sequestred.yaml");
    for document in &documents {
        let namespace = if document["kind"] == "Namespace" {
            &document["metadata"]["name"]
        } else {
            &document["metadata"]["namespace"]
        };
        assert_eq!(namespace, "sequestre", "{document}");
        assert!(document["apiVersion"].is_string());
    }
    let deployment = &of_kind(&documents, "Deployment")["spec"];
    assert_eq!((&deployment["replicas"], &deployment["strategy"]), (&json!(1), &json!({ "type": "Recreate" })));
    let labels = &deployment["template"]["metadata"]["labels"];
    assert_eq!(&deployment["selector"]["matchLabels"], labels);
    let pod = &deployment["template"]["spec"];
    check_pod(pod);
    // Longer than calls that run may take.
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > 10);
    let container = &pod["containers"][0];
    assert_eq!(container["readinessProbe"]["exec"]["command"], json!(["sequestred", "health"]));
    assert!(container["livenessProbe"].is_null(), "a restart closes what is open to the daemon");

    let claim = &of_kind(&documents, "PersistentVolumeClaim");
    assert_eq!(
        (&claim["metadata"]["name"], &claim["spec"]["accessModes"]),
        (&json!("sequestre"), &json!(["ReadWriteOncePod"]))
    );
    let service = &of_kind(&documents, "Service")["spec"];
    assert_eq!(&service["selector"], labels);
    let ports = container["ports"].as_array().unwrap();
    let named = |name: &str| ports.iter().find(|port| port["name"] == name).unwrap()["containerPort"].clone();
    for port in service["ports"].as_array().unwrap() {
        assert_eq!(port["targetPort"], "grpc", "numbers are not for the world");
    }
    let policy = &of_kind(&documents, "NetworkPolicy")["spec"];
    assert_eq!(&policy["podSelector"]["matchLabels"], labels);
    for rule in policy["ingress"].as_array().unwrap() {
        let numbers = rule["ports"].as_array().unwrap().iter().any(|port| port["port"] == named("metrics"));
        assert_eq!(numbers, rule["from"].is_array(), "everybody reaches the service, Prometheus alone the numbers");
    }

    let init = documents_of_init();
    assert_eq!(init["kind"], "Pod");
    check_pod(&init["spec"]);
    assert_eq!(init["spec"]["containers"][0]["image"], container["image"]);
    assert!(init["spec"]["activeDeadlineSeconds"].is_u64());
}

fn documents_of_init() -> Value {
    let [init] = documents("init.yaml").try_into().unwrap();
    init
}

#[test]
fn the_daemon_understands_its_environment_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("folder");
    let sequestred = || Command::new(env!("CARGO_BIN_EXE_sequestred"));
    let made =
        sequestred().args(["init", "--name", "escrow.example.org"]).env("SEQUESTRED_DATA", &data).output().unwrap();
    assert!(made.status.success());
    let documents = documents("sequestred.yaml");
    let container = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    let mut command = sequestred();
    command.arg("config");
    for variable in container["env"].as_array().unwrap() {
        let (name, value) = (variable["name"].as_str().unwrap(), variable["value"].as_str().unwrap());
        command.env(name, if name == "SEQUESTRED_DATA" { data.to_str().unwrap() } else { value });
    }
    let told = command.output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let told: toml::Table = told.parse().unwrap();
    assert_eq!(told["listen"].as_str(), Some("[::]:7443"));
    assert_eq!(told["metrics"]["listen"].as_str(), Some("0.0.0.0:9743"));
    assert_eq!(told["log"]["format"].as_str(), Some("json"));
}

/// The instructions of the container file, with lines put together.
fn instructions() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("deploy/container/Containerfile")).unwrap();
    let text = text.replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.trim().to_owned())).unwrap()).collect()
}

#[test]
fn the_container_is_built_of_what_is_there_and_runs_as_nobody_else() {
    let instructions = instructions();
    let all = |name: &str| {
        instructions.iter().filter(|(it, _)| it == name).map(|(_, rest)| rest.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(all("FROM").len(), 2);
    assert_eq!(all("USER"), ["10001:10001"]);
    assert_eq!((all("VOLUME"), all("EXPOSE"), all("STOPSIGNAL")), (vec!["/data"], vec!["7443"], vec!["SIGTERM"]));
    let run: Value = serde_json::from_str(all("ENTRYPOINT")[0]).unwrap();
    assert_eq!(run, json!(["sequestred"]));
    let health = all("HEALTHCHECK")[0].split_once("CMD ").unwrap().1;
    assert_eq!(serde_json::from_str::<Value>(health).unwrap(), json!(["sequestred", "health"]));
    assert!(all("ADD").is_empty() && all("ARG").is_empty());
    // The compiler is the one that the program asks for.
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(all("FROM")[0].contains(&format!("rust:{rust}-bookworm")));

    // What is copied is all that cargo needs.
    let folder = tempfile::tempdir().unwrap();
    let copies = all("COPY").into_iter().filter(|rest| !rest.starts_with("--from"));
    for copy in copies {
        let mut words: Vec<&str> = copy.split(' ').collect();
        let to = words.pop().unwrap();
        for from in words {
            let to = if to == "./" { folder.path().join(from) } else { folder.path().join(to) };
            copy_all(&root().join(from), &to);
        }
    }
    let build = all("RUN").into_iter().find(|run| run.starts_with("cargo build")).unwrap();
    let mut words = build.split(' ').skip(2);
    // Of a target without its file, only this says something before it is built.
    let fetched =
        Command::new(env!("CARGO")).args(["fetch", "--offline"]).current_dir(folder.path()).output().unwrap();
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args(["metadata", "--offline", "--format-version", "1"]).current_dir(folder.path());
    metadata.args(words.clone().filter(|word| *word == "--locked"));
    let told = metadata.output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let ours = told["packages"].as_array().unwrap().iter().find(|package| package["name"] == "sequestre").unwrap();
    let bin = words.find(|word| *word == "--bin").and_then(|_| words.next()).unwrap();
    let target =
        ours["targets"].as_array().unwrap().iter().find(|target| target["name"] == bin).expect("no such program");
    assert!(Path::new(target["src_path"].as_str().unwrap()).is_file());
}

fn copy_all(from: &Path, to: &PathBuf) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy_all(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}
