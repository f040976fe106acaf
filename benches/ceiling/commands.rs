//! Signed commands, approvals and new connections: the daemon beside the bare server.

use std::fs::File;
use std::io::Write as _;
use std::time::Instant;

use sequestre::proto::api::v1 as api;
use sequestre::seal::device::DeviceKey;

use crate::association::{Association, Parcel, Size};
use crate::load::{Call, Job, Shape, drive};
use crate::process::{BareFolder, Client, Data, Server};
use crate::report::{Limit, Report, median};
use crate::{Settings, rounds};

const SHAPES: [Shape; 3] =
    [Shape { calls: 1, connections: 1 }, Shape { calls: 16, connections: 1 }, Shape { calls: 64, connections: 8 }];

/// Commands after which the daemon has written all of its write-ahead log once.
const WARM_UP: usize = 16_000;

/// Jobs of one round and server.
fn jobs_of(shape: Shape) -> usize {
    match shape.calls {
        1 => 400,
        16 => 2_000,
        _ => 4_000,
    }
}

/// Several rounds, both servers in turn; what `run` gives for the bare one (`false`) and the daemon (`true`).
pub async fn in_turn(settings: &Settings, mut run: impl AsyncFnMut(bool) -> f64) -> (Vec<f64>, Vec<f64>) {
    let (mut bare, mut daemon) = (Vec::new(), Vec::new());
    for round in 0..settings.rounds {
        for which in [round % 2 == 1, round % 2 == 0] {
            let rate = run(which).await;
            if which { daemon.push(rate) } else { bare.push(rate) }
        }
    }
    (bare, daemon)
}

pub fn ratios(bare: &[f64], daemon: &[f64]) -> Vec<f64> {
    bare.iter().zip(daemon).map(|(bare, daemon)| daemon / bare).collect()
}

pub fn of(bare: &[f64], daemon: &[f64]) -> String {
    format!("{:.0}/s of {:.0}/s", median(daemon), median(bare))
}

async fn connections(server: &Server, association: &Association, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for n in 0..count {
        clients.push(server.connect(&association.people[n].device).await);
    }
    clients
}

/// An association of eight trustees, in a data folder for the daemon.
fn busy_association(data: &Data) -> Association {
    let mut association = Association::found(Size { trustees: 8, members: 8, threshold: 2 });
    data.store([&mut association]);
    association
}

pub async fn throughput(settings: &Settings, report: &mut Report) {
    let data = Data::new();
    let (association, earlier) = (busy_association(&data), busy_association(&data));
    let folder = BareFolder::new(&[]);
    let (daemon, bare) = (data.serve(), folder.serve());
    let invitations = |association: &Association, shape: Shape, count: usize| -> Vec<Vec<Job>> {
        let invitation = |trustee| vec![Call::Submit(association.invite(trustee).into_request(association.id))];
        let of_one = |trustee| (0..count / shape.connections).map(|_| invitation(trustee)).collect();
        (0..shape.connections).map(of_one).collect()
    };
    // Both have run for a while, for others: their write-ahead logs lie on the disk, and are written anew from the
    // beginning. As long as that file grows, each commit costs the disk more.
    for server in [&bare, &daemon] {
        let shape = SHAPES[2];
        let clients = connections(server, &earlier, shape.connections).await;
        drive(&clients, invitations(&earlier, shape, WARM_UP), shape).await;
    }
    let (mut durable, mut ceiling) = (Vec::new(), Vec::new());
    for shape in SHAPES {
        let name = format!("commands-{shape}");
        if !settings.wants(&name) {
            continue;
        }
        let clients = [
            connections(&bare, &association, shape.connections).await,
            connections(&daemon, &association, shape.connections).await,
        ];
        let used = || [&bare, &daemon].map(Server::processor_micros);
        let before = used();
        let (slow, fast) = in_turn(settings, async |which| {
            drive(&clients[usize::from(which)], invitations(&association, shape, jobs_of(shape)), shape).await
        })
        .await;
        // Sixteen calls on one connection have no limit of their own.
        let floor = if shape.calls == 16 { 0.0 } else { 0.7 };
        let commands = (jobs_of(shape) * settings.rounds) as f64;
        let [bare, daemon] = [0, 1].map(|server| (used()[server] - before[server]) / commands);
        let of = format!("{}; {daemon:.0} µs of processor time each, {bare:.0} µs", of(&slow, &fast));
        report.figure(&name, &ratios(&slow, &fast), "", Limit::Floor(floor), &of);
        (durable, ceiling) = (fast, slow);
    }
    if durable.is_empty() {
        return;
    }
    let synced: Vec<f64> = rounds(settings, || fdatasyncs(data.path().parent().unwrap()));
    report.figure(
        "commands-per-fdatasync",
        &ratios(&synced, &durable),
        "",
        Limit::Floor(2.0),
        &format!(
            "{:.0}/s beside {:.0} appends with fdatasync; the bare server: {:.2}",
            median(&durable),
            median(&synced),
            median(&ratios(&synced, &ceiling))
        ),
    );
}

/// Appends of 300 bytes, each with its own fdatasync, in a second.
fn fdatasyncs(folder: &std::path::Path) -> f64 {
    const COUNT: usize = 200;
    let mut file = File::create(folder.join("raw")).unwrap();
    let begun = Instant::now();
    for _ in 0..COUNT {
        file.write_all(&[7; 300]).unwrap();
        file.sync_data().unwrap();
    }
    COUNT as f64 / begun.elapsed().as_secs_f64()
}

/// New connections, each with one call, eight at once.
pub async fn new_connections(settings: &Settings, report: &mut Report) {
    const COUNT: usize = 400;
    const AT_ONCE: usize = 8;
    let data = Data::new();
    let association = busy_association(&data);
    let folder = BareFolder::new(&[]);
    let (daemon, bare) = (data.serve(), folder.serve());
    let organisation = association.id.to_vec();
    let visit = async |server: &Server, device: &DeviceKey| {
        for _ in 0..COUNT / AT_ONCE {
            let mut client = server.connect(device).await;
            client.get_checkpoint(api::GetCheckpointRequest { organisation: organisation.clone() }).await.unwrap();
        }
    };
    let (slow, fast) = in_turn(settings, async |which| {
        let server = if which { &daemon } else { &bare };
        let begun = Instant::now();
        let visits = association.people[..AT_ONCE].iter().map(|person| visit(server, &person.device));
        futures(visits).await;
        COUNT as f64 / begun.elapsed().as_secs_f64()
    })
    .await;
    report.figure("connections", &ratios(&slow, &fast), "", Limit::Floor(0.7), &of(&slow, &fast));
}

/// Approvals with the upload of the re-sealed shares, beside two signed commands of the bare server.
pub async fn approvals(settings: &Settings, report: &mut Report) {
    const SHAPE: Shape = Shape { calls: 64, connections: 8 };
    let data = Data::new();
    let mut association = busy_association(&data);
    let per_round = jobs_of(SHAPE) / 2;
    // Each request is approved by all eight trustees, each on their own connection.
    let accounts = settings.rounds * per_round / SHAPE.connections / 8 + 1;
    let mut requests = Vec::new();
    for _ in 0..accounts {
        let part = association.deposit();
        for member in 8..16 {
            requests.push((association.request(member, &part), part.clone()));
        }
    }
    data.store([&mut association]);
    association.rebase();
    let folder = BareFolder::new(&[]);
    let (daemon, bare) = (data.serve(), folder.serve());
    let clients = [connections(&bare, &association, 8).await, connections(&daemon, &association, 8).await];
    let mut next = 0;
    let (slow, fast) = in_turn(settings, async |which| {
        let each = per_round / SHAPE.connections;
        let organisation = association.id;
        let approval = |trustee: usize, (request, part): &(u64, _)| -> Job {
            let (approval, share) = association.approve(trustee, *request, part);
            let blobs = vec![api::Blob { content: share.content().to_vec().into() }];
            let upload = api::PutBlobsRequest { organisation: organisation.to_vec(), blobs, offered: Vec::new() };
            vec![Call::Submit(approval.into_request(organisation)), Call::Put(upload)]
        };
        let two = |trustee: usize| -> Job {
            let submit = |parcel: Parcel| Call::Submit(parcel.into_request(organisation));
            vec![submit(association.invite(trustee)), submit(association.invite(trustee))]
        };
        let jobs = (0..SHAPE.connections).map(|trustee| match which {
            true => requests[next..next + each].iter().map(|request| approval(trustee, request)).collect(),
            false => (0..each).map(|_| two(trustee)).collect(),
        });
        let jobs = jobs.collect();
        if which {
            next += each;
        }
        drive(&clients[usize::from(which)], jobs, SHAPE).await
    })
    .await;
    report.figure("approvals", &ratios(&slow, &fast), "", Limit::Floor(0.7), &of(&slow, &fast));
}

/// Waits for all of them.
async fn futures(all: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        all.retain_mut(|one| one.as_mut().poll(cx).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
