//! What a big host takes: memory, time to start, and the size of the programs.

use std::fs;
use std::time::Instant;

use sequestre::proto::api::v1 as api;

use crate::Settings;
use crate::association::{Association, Size, on_all_processors};
use crate::process::{Data, Server};
use crate::report::{Limit, Report};

const MIB: f64 = (1 << 20) as f64;

/// A hundred associations with a hundred accounts each, every one lent to somebody.
pub async fn accounts(settings: &Settings, report: &mut Report) {
    const ASSOCIATIONS: u64 = 100;
    const ACCOUNTS: usize = 100;
    let data = Data::new();
    let mut associations = on_all_processors(ASSOCIATIONS, |_| {
        let mut association = Association::found(Size { trustees: 5, members: 1, threshold: 2 });
        for _ in 0..ACCOUNTS {
            let part = association.deposit();
            association.lease(5, &part);
        }
        association
    });
    data.store(&mut associations);
    associations.iter_mut().for_each(Association::rebase);

    let mut started = Vec::new();
    for _ in 0..settings.rounds {
        let begun = Instant::now();
        let daemon = data.serve();
        look(&daemon, &associations[0]).await;
        started.push(begun.elapsed().as_secs_f64());
    }
    report.figure("restart-10000-leases", &started, " s", Limit::Ceiling(1.0), "to the first answer");

    let daemon = data.serve();
    visit(&daemon, &associations).await;
    let resident = daemon.resident() as f64 / MIB;
    report.figure("memory-10000-accounts", &[resident], " MiB", Limit::Ceiling(40.0), "after visits to all 100 logs");
}

/// Ten thousand associations with a hundred entries each.
pub async fn associations(settings: &Settings, report: &mut Report) {
    const ASSOCIATIONS: u64 = 10_000;
    const AT_ONCE: u64 = 500;
    const VISITED: usize = 20;
    let data = Data::new();
    let mut visited = Vec::new();
    for _ in 0..ASSOCIATIONS / AT_ONCE {
        let mut some = on_all_processors(AT_ONCE, |_| {
            let mut association = Association::found(Size { trustees: 3, members: 0, threshold: 2 });
            while association.state().size() < 100 {
                let invitation = association.invite(0);
                association.put(invitation);
            }
            association.rebase();
            association
        });
        data.store(&mut some);
        visited.extend(some.into_iter().take(VISITED));
    }
    let mut started = Vec::new();
    for _ in 0..settings.rounds {
        let begun = Instant::now();
        let daemon = data.serve();
        look(&daemon, &visited[0]).await;
        started.push(begun.elapsed().as_secs_f64());
    }
    report.figure("start-10000-associations", &started, " s", Limit::Ceiling(1.0), "to the first answer");
    let daemon = data.serve();
    visit(&daemon, &visited).await;
    let resident = daemon.resident() as f64 / MIB;
    let of = format!("after visits to {} of them", visited.len());
    report.figure("memory-10000-associations", &[resident], " MiB", Limit::Ceiling(120.0), &of);
}

/// One call on a new connection.
async fn look(daemon: &Server, association: &Association) {
    let mut client = daemon.connect(&association.people[0].device).await;
    let request = api::GetCheckpointRequest { organisation: association.id.to_vec() };
    client.get_checkpoint(request).await.unwrap();
}

/// Somebody of each association reads the whole log, fetches a proof and adds ten entries.
async fn visit(daemon: &Server, associations: &[Association]) {
    for association in associations {
        let mut client = daemon.connect(&association.people[0].device).await;
        let (organisation, size) = (association.id.to_vec(), association.state().size());
        let request = api::StreamEntriesRequest { organisation: organisation.clone(), from: 0, to: size };
        let mut stream = client.stream_entries(request).await.unwrap().into_inner();
        let mut count = 0;
        while let Some(message) = stream.message().await.unwrap() {
            count += message.entries.len();
        }
        assert_eq!(count as u64, size);
        client.get_inclusion_proof(api::GetInclusionProofRequest { organisation, index: size / 2 }).await.unwrap();
        for _ in 0..10 {
            client.submit(association.invite(0).into_request(association.id)).await.unwrap();
        }
    }
}

/// The programs, as they are built.
pub fn sizes(report: &mut Report) {
    for (name, path) in
        [("size-sequestred", env!("CARGO_BIN_EXE_sequestred")), ("size-sequestre", env!("CARGO_BIN_EXE_sequestre"))]
    {
        let size = || fs::metadata(path).unwrap().len() as f64 / MIB;
        report.figure(name, &[size()], " MiB", Limit::Ceiling(16.0), path);
    }
}
