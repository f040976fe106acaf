//! The load: calls that are prepared beforehand, so many in flight on so many connections.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use sequestre::proto::api::v1 as api;

use crate::process::Client;

/// Calls in flight, on how many connections.
#[derive(Clone, Copy)]
pub struct Shape {
    pub calls: usize,
    pub connections: usize,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-on-{}", self.calls, self.connections)
    }
}

/// One call; it must be answered as it should be.
pub enum Call {
    Submit(api::SubmitRequest),
    Put(api::PutBlobsRequest),
}

/// Calls that follow upon each other.
pub type Job = Vec<Call>;

/// Does the jobs, a pile for each connection; gives how many were done in a second.
pub async fn drive(clients: &[Client], jobs: Vec<Vec<Job>>, shape: Shape) -> f64 {
    assert_eq!(jobs.len(), shape.connections);
    let count: usize = jobs.iter().map(Vec::len).sum();
    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for (client, pile) in clients.iter().zip(jobs) {
        let pile = Arc::new(Mutex::new(VecDeque::from(pile)));
        for _ in 0..shape.calls / shape.connections {
            let (mut client, pile) = (client.clone(), pile.clone());
            running.spawn(async move {
                while let Some(job) = take(&pile) {
                    for call in job {
                        match call {
                            Call::Submit(request) => drop(client.submit(request).await.unwrap()),
                            Call::Put(request) => drop(client.put_blobs(request).await.unwrap()),
                        }
                    }
                }
            });
        }
    }
    running.join_all().await;
    count as f64 / begun.elapsed().as_secs_f64()
}

fn take(pile: &Mutex<VecDeque<Job>>) -> Option<Job> {
    pile.lock().unwrap().pop_front()
}
